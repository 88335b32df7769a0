#include "lib/json.h"
#include "lib/memory.h"
#include "schema/kubeconfig.h"
#include "tests/unit/test.h"

static bool decode(const char *body, json_t **list, struct error *err)
{
        return kubeconfig_decode(body, strlen(body), list, err);
}

TEST(reads_both_forms_into_that_of_the_file)
{
        static const char *const rows[] = {
                "{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"preferences\":{},"
                "\"clusters\":{\"c\":{\"server\":\"https://"
                "a\"}},\"users\":{\"u\":{\"token\":\"t\"}},"
                "\"contexts\":{\"x\":{\"cluster\":\"c\",\"user\":\"u\"}},\"current-context\":"
                "\"x\"}",
                "{\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://a\"}}],"
                "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\"}}],"
                "\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":\"u\"}}],"
                "\"current-context\":\"x\"}",
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                json_auto_t *list = NULL;
                scoped(buf_clear) struct buf text = { 0 };
                struct error err = { 0 };
                assert_ok(decode(rows[i], &list, &err));
                assert_string_equal(kubeconfig_token(list), "t");
                json_print(list, &text);
                assert_string_equal(
                        text.text,
                        "{\"apiVersion\":\"v1\",\"kind\":\"Config\","
                        "\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://a\"}}],"
                        "\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"t\"}}],"
                        "\"contexts\":[{\"name\":\"x\",\"context\":{\"cluster\":\"c\",\"user\":"
                        "\"u\"}}],"
                        "\"current-context\":\"x\"}");
        }
}

TEST(finds_no_token_where_the_context_leads_to_none)
{
        static const char *const rows[] = {
                "{\"clusters\":{},\"users\":{\"u\":{\"token\":\"\"}},\"contexts\":{\"x\":{\"user\":"
                "\"u\"}},"
                "\"current-context\":\"x\"}",
                "{\"clusters\":{},\"users\":{\"u\":{\"token\":\"t\"}},\"contexts\":{\"x\":{"
                "\"user\":\"v\"}},"
                "\"current-context\":\"x\"}",
                "{\"clusters\":{},\"users\":{\"u\":{\"token\":\"t\"}},\"contexts\":{\"x\":{"
                "\"user\":\"u\"}},"
                "\"current-context\":\"y\"}",
                "{\"clusters\":[1],\"users\":[null],\"contexts\":[{}],\"current-context\":\"x\"}",
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                json_auto_t *list = NULL;
                struct error err = { 0 };
                assert_ok(decode(rows[i], &list, &err));
                assert_null(kubeconfig_token(list));
        }
}

TEST(says_what_makes_it_no_kubeconfig)
{
        static const struct {
                const char *body, *words;
        } rows[] = {
                { "null",                                               ""                        },
                { "[]",                                                 ""                        },
                { "{}",                                                 "\"clusters\" is missing" },
                { "{\"clusters\":{},\"users\":1,\"contexts\":{}}",      "\"users\" is missing"    },
                { "{\"clusters\":{},\"users\":{},\"contexts\":{}}",
                 "\"current-context\" is missing"                                                 },
                { "{\"clusters\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}", "more than 16 items"      },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                json_t *list = NULL;
                struct error err = { 0 };
                assert_fails(decode(rows[i].body, &list, &err), ERROR_INVALID, rows[i].words);
                assert_null(list);
        }
}
