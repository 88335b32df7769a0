#include "tests/unit/test.h"

#include "lib/memory.h"
#include "schema/exec_credential.h"

#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
#define STATUS "\"status\":{\"expirationTimestamp\":\"2026-11-22T09:12:13Z\",\"token\":\"a.b-c_d\"}"
#define SESSION \
        "\"session\":{\"username\":\"alice@example.com\",\"role\":\"view\"," \
        "\"until\":\"2026-11-22T10:12:13Z\",\"period\":\"1h0m0s\",\"renewable\":true}"

static bool decode(const char *body, struct exec_credential *credential, struct error *err)
{
        return exec_credential_decode(body, strlen(body), credential, err);
}

TEST(reads_token_end_and_session)
{
        scoped(exec_credential_clear) struct exec_credential credential = { 0 };
        struct error err = { 0 };

        assert_ok(decode(HEAD STATUS "," SESSION "}", &credential, &err));
        assert_string_equal(secret_text(&credential.token), "a.b-c_d");
        assert_int_equal(credential.expires, 1795338733);
        assert_string_equal(credential.username, "alice@example.com");
        assert_string_equal(credential.role, "view");
        assert_int_equal(credential.until, 1795338733 + 3600);
        assert_int_equal(credential.period_seconds, 3600);
        assert_true(credential.renewable);
}

TEST(reads_what_says_no_end_and_no_session)
{
        scoped(exec_credential_clear) struct exec_credential credential = { .expires = 7 };
        struct error err = { 0 };

        assert_ok(decode(HEAD "\"status\":{\"token\":\"t\"}}", &credential, &err));
        assert_int_equal(credential.expires, 0);
        assert_null(credential.username);
}

TEST(writes_what_it_reads)
{
        scoped(exec_credential_clear) struct exec_credential credential = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        assert_ok(decode(HEAD STATUS "," SESSION "}", &credential, &err));
        json_auto_t *object = exec_credential_encode(&credential);
        json_print(object, &text);
        assert_string_equal(buf_text(&text), HEAD STATUS "," SESSION "}");
}

TEST(prints_one_line_in_the_version_asked_for)
{
        scoped(secret_clear) struct secret token = { 0 };
        scoped(buf_clear) struct buf text = { 0 };

        secret_set(&token, "t", 1);
        exec_credential_print(EXEC_CREDENTIAL_V1, &token, 1795338733, &text);
        exec_credential_print(EXEC_CREDENTIAL_V1BETA1, &token, 0, &text);
        assert_string_equal(
                buf_text(&text),
                HEAD "\"status\":{\"expirationTimestamp\":\"2026-11-22T09:12:13Z\","
                     "\"token\":\"t\"}}\n"
                     "{\"kind\":\"ExecCredential\",\"apiVersion\":"
                     "\"client.authentication.k8s.io/v1beta1\",\"status\":{\"token\":\"t\"}}\n");
}

TEST(refuses_what_is_no_credential_and_keeps_the_old_one)
{
        static const struct {
                const char *body, *words;
        } cases[] = {
                { "",                                                                                     "ExecCredential: no JSON"              },
                { "<html>",                                                                               "ExecCredential: no JSON"              },
                { "[]",                                                                                   "a JSON object is expected"            },
                { "{}",                                                                                   "\"kind\" is not"                      },
                { "{\"kind\":\"ExecCredential\"}",                                                        "\"apiVersion\" is not"                },
                { "{\"kind\":\"ExecCredential\",\"apiVersion\":\"v1\"}",                                  "\"apiVersion\" is not"                },
                { HEAD "\"x\":1}",                                                                        "\"status\" is missing"                },
                { HEAD "\"status\":[]}",                                                                  "\"status\" is missing"                },
                { HEAD "\"status\":{}}",                                                                  "\"token\" is missing"                 },
                { HEAD "\"status\":{\"token\":\"\"}}",                                                    "\"token\" is empty"                   },
                { HEAD "\"status\":{\"token\":7}}",                                                       "\"token\" has the wrong type"         },
                { HEAD "\"status\":{\"token\":\"a\\r\\nb\"}}",                                            "a character that no token has"        },
                { HEAD "\"status\":{\"token\":\"a\xc3\xa9\"}}",                                           "a character that no token has"        },
                { HEAD "\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}}",
                 "\"status.expirationTimestamp\""                                                                                                },
                { HEAD STATUS ",\"session\":7}",                                                          "\"session\": a JSON object"           },
                { HEAD STATUS ",\"session\":{}}",                                                         "\"session\": \"username\" is missing" },
                { HEAD STATUS ",\"session\":{\"username\":\"a\",\"role\":\"b\",\"until\":\"x\","
                              "\"period\":\"1h\"}}",                                     "\"session.until\""                    },
                { HEAD STATUS ",\"session\":{\"username\":\"a\",\"role\":\"b\","
                              "\"until\":\"2026-11-22T10:12:13Z\",\"period\":\"1d\"}}",  "\"session.period\""                   },
                { HEAD STATUS ",\"session\":{\"username\":\"a\",\"role\":\"b\","
                              "\"until\":\"2026-11-22T10:12:13Z\",\"period\":\"-1h\"}}", "negative"                             },
        };
        struct exec_credential credential = { .expires = 77 };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                assert_fails(decode(cases[i].body, &credential, &err), ERROR_INVALID,
                             cases[i].words);
                assert_int_equal(credential.expires, 77);
                assert_true(secret_is_empty(&credential.token));
        }
}

TEST(refuses_a_credential_above_its_limit)
{
        scoped(exec_credential_clear) struct exec_credential credential = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        buf_add(&text, HEAD STATUS "}");
        while (text.length <= LIMIT_CREDENTIAL)
                buf_add(&text, "                                ");
        assert_fails(decode(buf_text(&text), &credential, &err), ERROR_INVALID, "longer than");
}

TEST(never_quotes_a_token)
{
        scoped(exec_credential_clear) struct exec_credential credential = { 0 };
        struct error err = { 0 };

        assert_false(decode(HEAD "\"status\":{\"token\":\"s3cr3t\"", &credential, &err));
        assert_null(strstr(err.text, "s3cr3t"));
        assert_false(decode(HEAD "\"status\":{\"token\":\"s3cr3t \"}}", &credential, &err));
        assert_null(strstr(err.text, "s3cr3t"));
}
