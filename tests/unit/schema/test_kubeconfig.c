#include "tests/unit/test.h"

#include "lib/json.h"
#include "schema/kubeconfig.h"

static void print(json_t *(*encode)(const struct kubeconfig *kubeconfig),
                  const struct cluster_info *info, struct buf *text)
{
        scoped(secret_clear) struct secret token = { 0 };
        const struct kubeconfig kubeconfig = {
                .cluster_name = "tka-cluster",
                .context_name = "tka-context-alice",
                .user_name = "tka-user-alice",
                .cluster = info,
                .token = &token,
        };

        secret_set(&token, "abc", 3);
        json_auto_t *object = encode(&kubeconfig);
        json_print(object, text);
}

TEST(writes_the_map_form_that_existing_clients_decode)
{
        const struct cluster_info info = { .server_url = (char[]){ "https://api" },
                                           .ca_data = (char[]){ "Q0E=" } };
        scoped(buf_clear) struct buf text = { 0 };

        print(kubeconfig_encode_map, &info, &text);
        assert_string_equal(
                buf_text(&text),
                "{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"clusters\":{\"tka-cluster\":{"
                "\"server\":\"https://api\",\"certificate-authority-data\":\"Q0E=\"}},"
                "\"users\":{\"tka-user-alice\":{\"token\":\"abc\"}},\"contexts\":{"
                "\"tka-context-alice\":{\"cluster\":\"tka-cluster\",\"user\":\"tka-user-alice\"}},"
                "\"current-context\":\"tka-context-alice\"}");
}

TEST(writes_the_list_form_that_kubectl_reads)
{
        const struct cluster_info info = { .server_url = (char[]){ "https://api" },
                                           .tls_server_name = (char[]){ "kubernetes" } };
        scoped(buf_clear) struct buf text = { 0 };

        print(kubeconfig_encode_list, &info, &text);
        assert_string_equal(
                buf_text(&text),
                "{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"clusters\":[{\"name\":\"tka-"
                "cluster\","
                "\"cluster\":{\"server\":\"https://api\",\"tls-server-name\":\"kubernetes\"}}],"
                "\"users\":[{\"name\":\"tka-user-alice\",\"user\":{\"token\":\"abc\"}}],"
                "\"contexts\":[{\"name\":\"tka-context-alice\",\"context\":{\"cluster\":"
                "\"tka-cluster\",\"user\":\"tka-user-alice\"}}],"
                "\"current-context\":\"tka-context-alice\"}");
}

TEST(leaves_the_ca_out_where_nothing_is_verified)
{
        const struct cluster_info info = { .server_url = (char[]){ "https://api" },
                                           .ca_data = (char[]){ "Q0E=" },
                                           .insecure_skip_tls_verify = true };
        scoped(buf_clear) struct buf text = { 0 };

        print(kubeconfig_encode_list, &info, &text);
        assert_non_null(strstr(buf_text(&text), "\"insecure-skip-tls-verify\":true"));
        assert_null(strstr(buf_text(&text), "certificate-authority-data"));
}
