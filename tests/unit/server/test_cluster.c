#include "server/cluster.h"

#include "lib/memory.h"
#include "lib/yaml.h"
#include "schema/limits.h"
#include "tests/unit/test.h"

/* A ConfigMap written as YAML, read as the defaults of the keys say. */
static bool read_text(const char *text, struct cluster_info *info, struct error *err)
{
        static char endpoint[] = "apiEndpoint", ca[] = "caData", insecure[] = "insecure";
        static char kubeconfig[] = "kubeconfig";
        const struct cluster_reference reference = { true, NULL,     NULL,      endpoint,
                                                     ca,   insecure, kubeconfig };
        json_auto_t *configmap = NULL;

        if (!yaml_parse(text, strlen(text), &configmap, err))
                fail_msg("%s", err->text);
        return cluster_read(configmap, &reference, info, err);
}

TEST(reads_the_keys_of_a_config_map_and_keeps_name_and_labels)
{
        scoped(cluster_info_clear) struct cluster_info info = { .name = xstrdup("east") };
        struct error err = { 0 };

        assert_ok(
                read_text("data: {apiEndpoint: 'https://a:6443', insecure: 'True'}", &info, &err));
        assert_string_equal(info.server_url, "https://a:6443");
        assert_true(info.insecure_skip_tls_verify);
        assert_null(info.ca_data);
        assert_string_equal(info.name, "east");
}

TEST(reads_the_one_cluster_of_a_kubeconfig_as_kubeadm_writes_it)
{
        static const char text[] = "data:\n"
                                   "  kubeconfig: |\n"
                                   "    apiVersion: v1\n"
                                   "    clusters:\n"
                                   "    - cluster:\n"
                                   "        server: https://10.0.0.1:6443\n"
                                   "        tls-server-name: kube\n"
                                   "        insecure-skip-tls-verify: true\n"
                                   "      name: ''\n"
                                   "    contexts: null\n"
                                   "    current-context: ''\n"
                                   "    kind: Config\n"
                                   "    users: null\n";
        scoped(cluster_info_clear) struct cluster_info info = { 0 };
        struct error err = { 0 };

        assert_ok(read_text(text, &info, &err));
        assert_string_equal(info.server_url, "https://10.0.0.1:6443");
        assert_string_equal(info.tls_server_name, "kube");
        assert_true(info.insecure_skip_tls_verify);
}

/* Not just any of them. */
TEST(takes_the_cluster_that_the_current_context_names)
{
        static const char clusters[] = "{clusters: [{name: a, cluster: {server: 'https://a'}},"
                                       " {name: b, cluster: {server: 'https://b'}}],"
                                       " contexts: [{name: x, context: {cluster: b}}]%s}";
        scoped(cluster_info_clear) struct cluster_info info = { 0 };
        scoped_free char *named = xasprintf(clusters, ", current-context: x");
        scoped_free char *unnamed = xasprintf(clusters, "");
        json_auto_t *good = json_pack("{s:{s:s}}", "data", "kubeconfig", named);
        json_auto_t *bad = json_pack("{s:{s:s}}", "data", "kubeconfig", unnamed);
        scoped_free char *good_text = json_dumps(good, 0);
        scoped_free char *bad_text = json_dumps(bad, 0);
        struct error err = { 0 };

        assert_ok(read_text(good_text, &info, &err));
        assert_string_equal(info.server_url, "https://b");
        assert_fails(read_text(bad_text, &info, &err), ERROR_INVALID, "must hold one cluster");
}

/* Clients take no more than the document says. */
TEST(refuses_what_is_longer_than_clients_take)
{
        scoped(cluster_info_clear) struct cluster_info info = { .server_url = xstrdup("before") };
        scoped_free char *letters = xcalloc(1, LIMIT_CA_DATA + 5);
        struct error err = { 0 };

        memset(letters, 'a', LIMIT_CA_DATA + 4);
        scoped_free char *ca = xasprintf("data: {apiEndpoint: 'https://a', caData: '%s'}", letters);
        letters[LIMIT_NODE + 1] = '\0';
        scoped_free char *name = xasprintf("data: {kubeconfig: '{clusters: [{cluster: {server: "
                                           "https://a, tls-server-name: %s}}]}'}",
                                           letters);
        assert_fails(read_text(ca, &info, &err), ERROR_INVALID,
                     "the CA: it is longer than 65536 bytes");
        assert_fails(read_text(name, &info, &err), ERROR_INVALID,
                     "tls-server-name is longer than 253 bytes");
        assert_string_equal(info.server_url, "before");
}

TEST(refuses_what_clients_could_not_use_and_keeps_what_was_known)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "{}",                                                   "neither \"apiEndpoint\"" },
                { "data: {}",                                             "neither"                 },
                { "data: {apiEndpoint: 'http://a'}",                      "is not like https://"    },
                { "data: {apiEndpoint: 'https://a', caData: '%%%%'}",     "the CA: it is no base64" },
                { "data: {apiEndpoint: 'https://a', caData: 'aGVsbG8='}", "not of a PEM"            },
                { "data: {kubeconfig: '['}",                              "the kubeconfig: line "   },
                { "data: {kubeconfig: '{}'}",                             "must hold one cluster"   },
                { "data: {kubeconfig: '{clusters: [{cluster: {}}]}'}",    "must hold one cluster"   },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(cluster_info_clear) struct cluster_info info = { .server_url =
                                                                                xstrdup("before") };
                struct error err = { 0 };

                assert_fails(read_text(cases[i].text, &info, &err), ERROR_INVALID, cases[i].words);
                assert_string_equal(info.server_url, "before");
        }
}
