#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/memory.h"
#include "schema/login.h"

static bool decode_request(const char *body, struct login_request *request, struct error *err)
{
        return login_request_decode(body, strlen(body), request, err);
}

static bool decode(const char *body, struct login *login, struct error *err)
{
        return login_decode(body, strlen(body), login, err);
}

TEST(reads_a_request)
{
        scoped(login_request_clear) struct login_request request = { 0 };
        struct error err = { 0 };

        assert_ok(decode_request(
                "{\"role\":\"view\",\"period\":\"30m\",\"reason\":\"INC-7 \xc3\xa9\","
                "\"namespaces\":[\"b\",\"a\",\"a\"],\"everywhere\":true}",
                &request, &err));
        assert_string_equal(request.role, "view");
        assert_string_equal(request.period, "30m");
        assert_string_equal(request.reason, "INC-7 \xc3\xa9");
        assert_int_equal(request.namespaces.count, 2);
        assert_string_equal(request.namespaces.items[0], "a");
        assert_true(request.everywhere);
}

TEST(takes_an_empty_body_and_an_empty_object_as_an_empty_request)
{
        scoped(login_request_clear) struct login_request request = { .everywhere = true };
        struct error err = { 0 };

        assert_ok(decode_request("", &request, &err));
        assert_false(request.everywhere);
        assert_ok(login_request_decode(NULL, 0, &request, &err));
        assert_ok(decode_request(" {} ", &request, &err));
        assert_null(request.role);
        assert_int_equal(request.namespaces.count, 0);
}

TEST(refuses_malformed_requests_and_keeps_the_old_one)
{
        static const struct {
                const char *body, *words;
        } cases[] = {
                { "garbage",                                             "JSON"                              },
                { " ",                                                   "JSON"                              },
                { "null",                                                "a JSON object is expected"         },
                { "[]",                                                  "a JSON object is expected"         },
                { "{\"role\":\"a\"",                                     "JSON"                              },
                { "{\"role\":1}",                                        "\"role\" has the wrong type"       },
                { "{\"role\":\"\"}",                                     "\"role\" is empty"                 },
                { "{\"period\":\"\"}",                                   "\"period\" is empty"               },
                { "{\"role\":\"a\",\"role\":\"b\"}",                     "role"                              },
                { "{\"rolle\":\"a\"}",                                   "\"rolle\" is unknown"              },
                { "{\"username\":\"eve\"}",                              "\"username\" is unknown"           },
                { "{\"reason\":\"a\\nb\"}",                              "control character"                 },
                { "{\"reason\":\"a\\u001b[2J\"}",                        "control character"                 },
                { "{\"everywhere\":\"true\"}",                           "\"everywhere\" has the wrong type" },
                { "{\"namespaces\":\"a\"}",                              "\"namespaces\" has the wrong type" },
                { "{\"namespaces\":[\"A\"]}",                            "\"A\" is no namespace's name"      },
                { "{\"period\":\"123456789012345678901234567890123h\"}", "longer than 32"                    },
        };
        struct login_request request = { .everywhere = true };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                assert_fails(decode_request(cases[i].body, &request, &err), ERROR_INVALID,
                             cases[i].words);
                assert_true(request.everywhere);
                assert_null(request.role);
        }
}

TEST(reads_the_request_it_writes)
{
        scoped(login_request_clear) struct login_request request = { .role = xstrdup("view"),
                                                                     .reason = xstrdup("why") };
        scoped(login_request_clear) struct login_request again = { 0 };
        json_auto_t *object = login_request_encode(&request);
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        json_print(object, &text);
        assert_string_equal(buf_text(&text),
                            "{\"role\":\"view\",\"reason\":\"why\",\"everywhere\":false}");
        assert_ok(decode_request(buf_text(&text), &again, &err));
        assert_string_equal(again.reason, "why");
}

TEST(reads_an_answer_and_ignores_what_it_does_not_know)
{
        scoped(login_clear) struct login login = { 0 };
        struct error err = { 0 };

        assert_ok(decode("{\"username\":\"alice\",\"role\":\"view\",\"until\":"
                         "\"2026-11-22T09:12:13Z\",\"new\":1,\"sessions\":[\"x\"]}",
                         &login, &err));
        assert_string_equal(login.username, "alice");
        assert_string_equal(login.until, "2026-11-22T09:12:13Z");
        assert_string_equal(login.sessions.items[0], "x");
}

TEST(names_the_field_that_is_missing)
{
        scoped(login_clear) struct login login = { 0 };
        struct error err = { 0 };

        assert_fails(decode("{\"username\":\"alice\"}", &login, &err), ERROR_INVALID,
                     "\"role\" is missing");
        assert_fails(decode("{\"role\":\"alice\"}", &login, &err), ERROR_INVALID, "\"username\"");
        assert_fails(decode("{\"username\":\"a\",\"role\":\"b\",\"until\":5}", &login, &err),
                     ERROR_INVALID, "\"until\" has the wrong type");
        assert_null(login.username);
}

TEST(writes_the_three_keys_of_the_public_answer)
{
        const struct login login = { .username = (char[]){ "alice@example.com" },
                                     .role = (char[]){ "view" },
                                     .until = (char[]){ "2026-11-22T09:12:13Z" } };
        json_auto_t *object = login_encode(&login);
        scoped(buf_clear) struct buf text = { 0 };

        json_print(object, &text);
        assert_string_equal(buf_text(&text),
                            "{\"username\":\"alice@example.com\",\"role\":\"view\","
                            "\"until\":\"2026-11-22T09:12:13Z\"}");
}
