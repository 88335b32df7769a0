#include "tests/unit/test.h"

#include "lib/memory.h"
#include "schema/cluster_info.h"

static bool decode(const char *body, struct cluster_info *info, struct error *err)
{
        return cluster_info_decode(body, strlen(body), info, err);
}

TEST(reads_the_public_four_keys)
{
        scoped(cluster_info_clear) struct cluster_info info = { 0 };
        struct error err = { 0 };

        assert_ok(decode("{\"server_url\":\"https://api:6443\",\"insecure_skip_tls_verify\":true,"
                         "\"ca_data\":\"\",\"labels\":null}",
                         &info, &err));
        assert_string_equal(info.server_url, "https://api:6443");
        assert_true(info.insecure_skip_tls_verify);
        assert_null(info.ca_data);
        assert_null(info.labels);
}

TEST(reads_ours_too)
{
        scoped(cluster_info_clear) struct cluster_info info = { 0 };
        struct error err = { 0 };

        assert_ok(decode("{\"name\":\"prod\",\"server_url\":\"https://api\","
                         "\"insecure_skip_tls_verify\":false,\"ca_data\":\"Q0E=\","
                         "\"tls_server_name\":\"kubernetes\",\"labels\":{\"env\":\"prod\"}}",
                         &info, &err));
        assert_string_equal(info.name, "prod");
        assert_string_equal(info.ca_data, "Q0E=");
        assert_string_equal(info.tls_server_name, "kubernetes");
        assert_string_equal(json_text_at(info.labels, "env"), "prod");
}

TEST(refuses_what_is_no_cluster_info_and_keeps_the_old_one)
{
        static const struct {
                const char *body, *words;
        } cases[] = {
                { "null",                                                                    "a JSON object is expected"               },
                { "{}",                                                                      "\"server_url\" is missing"               },
                { "{\"server_url\":\"\",\"insecure_skip_tls_verify\":false}",                "is empty"                                },
                { "{\"server_url\":\"x\"}",                                                  "\"insecure_skip_tls_verify\" is missing" },
                { "{\"server_url\":\"x\",\"insecure_skip_tls_verify\":\"no\"}",              "wrong type"                              },
                { "{\"server_url\":\"x\",\"insecure_skip_tls_verify\":false,\"labels\":[]}",
                 "\"labels\" has the wrong type"                                                                                       },
                { "{\"server_url\":\"x\",\"insecure_skip_tls_verify\":false,"
                  "\"labels\":{\"a\":1}}",                                  "label \"a\" is no text"                  },
        };
        struct cluster_info info = { .name = (char[]){ "sentinel" } };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                assert_fails(decode(cases[i].body, &info, &err), ERROR_INVALID, cases[i].words);
                assert_string_equal(info.name, "sentinel");
                assert_null(info.server_url);
        }
}

TEST(always_writes_the_public_four_keys)
{
        const struct cluster_info info = { .server_url = (char[]){ "https://api" } };
        json_auto_t *object = cluster_info_encode(&info);
        scoped(buf_clear) struct buf text = { 0 };

        json_print(object, &text);
        assert_string_equal(buf_text(&text),
                            "{\"server_url\":\"https://api\",\"insecure_skip_tls_verify\":false,"
                            "\"ca_data\":\"\",\"labels\":{}}");
}
