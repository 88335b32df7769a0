#include <stdio.h>

#include "kubectl-tka/credential.h"
#include "kubectl-tka/kubeconfig/stanza.h"
#include "lib/api/tailscale.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

static char api_url[] = "https://api:6443";
static char ca_data[] = "QUJD";
static char tls_name[] = "kubernetes";
static char automatic[] = "auto";
static char none[] = "none";
static char usual_socket[] = TAILSCALE_SOCKET;
static char other_socket[] = "/run/ts.sock";
static char node_id[] = "n7";

static struct cluster_info info = { .server_url = api_url,
                                    .ca_data = ca_data,
                                    .tls_server_name = tls_name };

static struct config plain_config(void)
{
        struct config config = { .cache = automatic, .socket = usual_socket };

        text_list_add(&config.server_tags, "tag:tka");
        text_list_add(&config.server_tags, "tag:tka-*");
        return config;
}

static struct stanza make_stanza(const struct config *config)
{
        return (struct stanza){
                .name = "prod!view",
                .cluster = &info,
                .key = { "http://tka:8123", "ab12", "prod", "view" },
                .config = config
        };
}

static const json_t *find_args(const json_t *user)
{
        return json_at(user, "user.exec.args");
}

/* Through the reader that kubectl's call meets. */
static void read_args(const json_t *user, struct credential_arguments *arguments)
{
        static char words[32][256];
        char *argv[32] = { NULL };
        size_t index = 0;
        const json_t *value = NULL;

        json_array_foreach(find_args(user), index, value)
        {
                snprintf(words[index], sizeof(words[index]), "%s", json_string_value(value));
                argv[index] = words[index];
        }
        assert_true(credential_arguments_read((int)index, argv, arguments));
}

TEST(calls_the_plugin_with_everything_it_needs)
{
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        json_auto_t *user = stanza_user(&stanza);
        struct credential_arguments arguments = { 0 };

        assert_string_equal(json_text_at(user, "name"), "prod!view");
        assert_string_equal(json_text_at(user, "user.exec.command"), "kubectl-tka");
        assert_string_equal(json_text_at(user, "user.exec.interactiveMode"), "Never");
        assert_string_equal(json_text_at(user, "user.exec.apiVersion"),
                            "client.authentication.k8s.io/v1");
        assert_true(json_is_false(json_at(user, "user.exec.provideClusterInfo")));
        assert_non_null(json_text_at(user, "user.exec.installHint"));
        read_args(user, &arguments);
        assert_string_equal(arguments.key.server, "http://tka:8123");
        assert_string_equal(arguments.key.ca_hash, "ab12");
        assert_string_equal(arguments.key.cluster, "prod");
        assert_string_equal(arguments.key.role, "view");
        assert_int_equal(arguments.tiers, 7);
        text_list_clear(&config.server_tags);
}

TEST(passes_on_what_login_was_told_to_do_differently)
{
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        struct credential_arguments arguments = { 0 };

        config.cache = none;
        config.socket = other_socket;
        config.node_id = node_id;
        config.insecure_plain_http = true;
        text_list_add(&config.server_tags, "tag:mine");
        json_auto_t *user = stanza_user(&stanza);
        read_args(user, &arguments);
        assert_int_equal(arguments.tiers, 0);

        scoped(buf_clear) struct buf text = { 0 };
        json_print(find_args(user), &text);
        assert_non_null(strstr(text.text, "\"--tailscale-socket\",\"/run/ts.sock\""));
        assert_non_null(strstr(text.text, "\"--server-tags\",\"tag:tka,tag:tka-*,tag:mine\""));
        assert_non_null(strstr(text.text, "\"--node-id\",\"n7\",\"--insecure-plain-http\""));
        text_list_clear(&config.server_tags);
}

TEST(says_that_no_tag_is_trusted)
{
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        struct credential_arguments arguments = { 0 };
        scoped(buf_clear) struct buf text = { 0 };

        config.node_id = node_id;
        text_list_clear(&config.server_tags);
        json_auto_t *user = stanza_user(&stanza);
        read_args(user, &arguments);
        json_print(find_args(user), &text);
        assert_non_null(strstr(text.text, "\"--server-tags\",\"\",\"--node-id\",\"n7\""));
}

TEST(names_the_plugin_and_how_it_is_spoken_to_as_asked)
{
        static char old[] = "v1beta1";
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        json_auto_t *usual = stanza_user(&stanza);

        assert_string_equal(json_text_at(usual, "user.exec.command"), "kubectl-tka");
        assert_string_equal(json_text_at(usual, "user.exec.apiVersion"),
                            "client.authentication.k8s.io/v1");
        config.exec_api = old;
        stanza.command = "/opt/tka/kubectl-tka";
        json_auto_t *asked = stanza_user(&stanza);
        assert_string_equal(json_text_at(asked, "user.exec.command"), "/opt/tka/kubectl-tka");
        assert_string_equal(json_text_at(asked, "user.exec.apiVersion"),
                            "client.authentication.k8s.io/v1beta1");
        text_list_clear(&config.server_tags);
}

TEST(makes_a_kubeconfig_of_its_own_that_leads_to_its_context)
{
        static const char *const lists[] = { "clusters", "contexts", "users" };
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        json_auto_t *document = stanza_kubeconfig(&stanza);

        assert_string_equal(json_text_at(document, "kind"), "Config");
        assert_string_equal(json_text_at(document, "current-context"), "prod!view");
        for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
                const json_t *list = json_object_get(document, lists[i]);
                assert_int_equal(json_array_size(list), 1);
                assert_string_equal(json_text_at(json_array_get(list, 0), "name"), "prod!view");
        }
        text_list_clear(&config.server_tags);
}

TEST(holds_no_characters_that_a_shell_would_read)
{
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        json_auto_t *user = stanza_user(&stanza);
        size_t index = 0;
        const json_t *value = NULL;

        json_array_foreach(find_args(user), index, value)
                assert_null(strpbrk(json_string_value(value), " \t\n'\"$`;&|<>(){}*?!\\"));
        text_list_clear(&config.server_tags);
}

TEST(pins_the_api_server_and_its_ca)
{
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        json_auto_t *cluster = stanza_cluster(&stanza);

        assert_string_equal(json_text_at(cluster, "cluster.server"), "https://api:6443");
        assert_string_equal(json_text_at(cluster, "cluster.certificate-authority-data"), "QUJD");
        assert_string_equal(json_text_at(cluster, "cluster.tls-server-name"), "kubernetes");
        assert_null(json_at(cluster, "cluster.insecure-skip-tls-verify"));
        text_list_clear(&config.server_tags);
}

TEST(writes_no_ca_that_kubectl_would_refuse_beside_an_unchecked_server)
{
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        struct cluster_info unchecked = info;

        unchecked.insecure_skip_tls_verify = true;
        stanza.cluster = &unchecked;
        json_auto_t *cluster = stanza_cluster(&stanza);
        assert_true(json_is_true(json_at(cluster, "cluster.insecure-skip-tls-verify")));
        assert_null(json_at(cluster, "cluster.certificate-authority-data"));
        text_list_clear(&config.server_tags);
}

TEST(knows_its_own_entries)
{
        struct config config = plain_config();
        struct stanza stanza = make_stanza(&config);
        json_t *items[] = { stanza_cluster(&stanza), stanza_user(&stanza),
                            stanza_context(&stanza) };

        for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
                struct cache_key key = { 0 };
                assert_true(stanza_read_mark(items[i], &key));
                assert_string_equal(key.server, "http://tka:8123");
                assert_string_equal(key.role, "view");
                json_decref(items[i]);
        }
        text_list_clear(&config.server_tags);
}

TEST(takes_nothing_else_for_its_own)
{
        static const char *const texts[] = {
                "{}",
                "{\"name\":\"x\",\"context\":{}}",
                "{\"context\":{\"extensions\":[]}}",
                "{\"context\":{\"extensions\":[{\"name\":\"other\",\"extension\":{\"server\":\"a\","
                "\"cluster\":\"b\",\"role\":\"\",\"ca-hash\":\"c\"}}]}}",
                "{\"context\":{\"extensions\":[{\"name\":\"tka.specht-labs.de\"}]}}",
                "{\"context\":{\"extensions\":[{\"name\":\"tka.specht-labs.de\",\"extension\":{"
                "\"server\":\"a\",\"cluster\":\"b\",\"role\":7,\"ca-hash\":\"c\"}}]}}",
                "{\"context\":{\"extensions\":{\"name\":\"tka.specht-labs.de\"}}}",
        };

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                json_auto_t *item = json_loads(texts[i], 0, NULL);
                struct cache_key key = { 0 };
                assert_non_null(item);
                assert_false(stanza_read_mark(item, &key));
                assert_null(key.server);
        }
}
