#include "schema/access.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

static bool decode(const char *text, struct access *access, struct error *err)
{
        return access_decode(text, strlen(text), access, err);
}

TEST(what_was_encoded_is_decoded_again)
{
        scoped(access_clear) struct access told = { .username = xstrdup("alice@example.com"),
                                                    .role = xstrdup("view"),
                                                    .status = 202 };
        scoped(access_clear) struct access heard = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        struct access_rule *rule = access_add_rule(&told);
        struct error err = { 0 };

        rule->capability = xstrdup("example.com/cap/tka");
        rule->verdict = xstrdup("wins");
        rule->why = xstrdup("its priority 1 is the highest");
        text_list_add(&rule->unknown_keys, "colour");
        json_auto_t *body = access_encode(&told);
        json_print(body, &text);
        assert_ok(access_decode(text.text, text.length, &heard, &err));
        assert_string_equal(heard.role, "view");
        assert_int_equal(heard.status, 202);
        assert_int_equal(heard.rule_count, 1);
        assert_string_equal(heard.rules[0].verdict, "wins");
        assert_string_equal(heard.rules[0].unknown_keys.items[0], "colour");
        assert_int_equal(heard.session_count, 0);
}

TEST(refuses_what_is_no_access_and_leaves_the_old_alone)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "{\"username\": \"a\"}",                                      "\"status\" is missing" },
                { "{\"username\": \"a\", \"status\": 202, \"rules\": 1}",       "\"rules\" has the"     },
                { "{\"username\": \"a\", \"status\": 202, \"rules\": [{}]}",    "\"capability\" is"     },
                { "{\"username\": \"a\", \"status\": 202, \"sessions\": [{}]}",
                 "\"name\" is missing"                                                                  },
                { "[]",                                                         "object"                },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(access_clear) struct access access = { .username = xstrdup("before") };
                struct error err = { 0 };

                assert_fails(decode(cases[i].text, &access, &err), ERROR_INVALID, cases[i].words);
                assert_string_equal(access.username, "before");
        }
}
