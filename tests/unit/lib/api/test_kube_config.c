#include "lib/api/kube.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/api/kube_private.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

static char folder[64];

static char *write_file(const char *name, const char *text)
{
        char *path = xasprintf("%s/%s", folder, name);
        struct error err = { 0 };

        assert_ok(file_write(path, 0600, text, strlen(text), &err));
        return path;
}

static void make_folder(void)
{
        snprintf(folder, sizeof(folder), "/tmp/test_kube_config.XXXXXX");
        assert_non_null(mkdtemp(folder));
        unsetenv("KUBERNETES_SERVICE_HOST");
        unsetenv("KUBERNETES_SERVICE_PORT");
        unsetenv("KUBECONFIG");
}

static void remove_folder(void)
{
        static const char *const names[] = { "config",    "token",   "ca.crt",
                                             "namespace", "key.pem", "cert.pem" };

        for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
                scoped_free char *path = xasprintf("%s/%s", folder, names[i]);
                unlink(path);
        }
        rmdir(folder);
}

#define HEAD \
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: other\n" \
        "  context: {cluster: x}\n- name: c\n  context: {cluster: k, user: u, namespace: team}\n"
#define CLUSTER "clusters:\n- name: k\n  cluster:\n    server: https://10.0.0.1:6443/\n"
#define USER "users:\n- name: u\n  user:\n"

TEST(reads_server_token_and_namespace_of_the_current_context)
{
        scoped(kube_config_clear) struct kube_config config = { 0 };
        struct error err = { 0 };

        make_folder();
        scoped_free char *path =
                write_file("config", HEAD CLUSTER "    tls-server-name: kube.example\n" USER
                                                  "    token: abc\n");
        assert_ok(kube_config_read(path, &config, &err));
        assert_string_equal(config.server, "https://10.0.0.1:6443");
        assert_string_equal(config.tls_server_name, "kube.example");
        assert_string_equal(secret_text(&config.token), "abc");
        assert_string_equal(config.namespace_name, "team");
        assert_null(config.ca_pem);
        assert_false(config.insecure);
        remove_folder();
}

TEST(reads_files_from_beside_the_kubeconfig)
{
        scoped(kube_config_clear) struct kube_config config = { 0 };
        struct error err = { 0 };

        make_folder();
        scoped_free char *ca = write_file("ca.crt", "CA PEM\n");
        scoped_free char *token = write_file("token", " abc\n");
        scoped_free char *cert = write_file("cert.pem", "CERT");
        scoped_free char *key = write_file("key.pem", "KEY");
        scoped_free char *path = write_file(
                "config", HEAD CLUSTER "    certificate-authority: ca.crt\n" USER
                                       "    tokenFile: token\n    client-certificate: cert.pem\n"
                                       "    client-key: key.pem\n");
        assert_ok(kube_config_read(path, &config, &err));
        assert_string_equal(config.ca_pem, "CA PEM\n");
        assert_string_equal(config.ca_file, ca);
        assert_string_equal(config.token_file, token);
        assert_string_equal(secret_text(&config.token), "abc");
        assert_string_equal(config.client_certificate_pem, "CERT");
        assert_string_equal(config.client_key_pem, "KEY");
        (void)cert;
        (void)key;
        remove_folder();
}

TEST(prefers_inline_certificates_of_any_length)
{
        static const struct {
                const char *base64, *text;
        } cases[] = {
                { "YQ==",           "a"     },
                { "YWI=",           "ab"    },
                { "YWJj",           "abc"   },
                { "YWJj\\nZGU=\\n", "abcde" },
        };
        struct error err = { 0 };

        make_folder();
        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(kube_config_clear) struct kube_config config = { 0 };
                scoped_free char *text =
                        xasprintf(HEAD CLUSTER "    certificate-authority: /nowhere\n"
                                               "    certificate-authority-data: \"%s\"\n" USER
                                               "    token: t\n",
                                  cases[i].base64);
                scoped_free char *path = write_file("config", text);
                assert_ok(kube_config_read(path, &config, &err));
                assert_string_equal(config.ca_pem, cases[i].text);
                assert_null(config.ca_file);
        }
        remove_folder();
}

TEST(refuses_what_it_cannot_use_and_says_what)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "{",                                                                                          "line"                                   },
                { "[]",                                                                                         "current-context"                        },
                { "",                                                                                           "\"current-context\" is missing"         },
                { "current-context: c\n",                                                                       "there is no context \"c\""              },
                { "current-context: 5\n",                                                                       "\"current-context\" has the wrong type" },
                { HEAD USER "    token: t\n",                                                                   "there is no cluster \"k\""              },
                { HEAD CLUSTER,                                                                                 "there is no user \"u\""                 },
                { HEAD "clusters:\n- name: k\n  cluster: {server: 'ftp://x'}\n" USER
                       "    token: t\n",                                                       "server \"ftp://x\" is no https URL"     },
                { HEAD "clusters:\n- name: k\n  cluster: {server: 'http://127.0.0.1.evil'}\n" USER
                       "    token: t\n",                                                       "is not https"                           },
                { HEAD "clusters:\n- name: k\n  cluster: {a: b}\n" USER "    token: t\n",
                 "\"server\" is missing"                                                                                                                 },
                { HEAD CLUSTER "    certificate-authority-data: '*'\n" USER "    token: t\n",
                 "\"certificate-authority-data\": not base64"                                                                                            },
                { HEAD CLUSTER "    certificate-authority-data: AAAA\n" USER "    token: t\n",
                 "not base64 of a text"                                                                                                                  },
                { HEAD CLUSTER "    certificate-authority: nowhere.crt\n" USER "    token: t\n",
                 "nowhere.crt"                                                                                                                           },
                { HEAD CLUSTER "    proxy-url: socks5://x\n" USER "    token: t\n",                             "proxy-url"                              },
                { HEAD CLUSTER "    insecure-skip-tls-verify: 'yes'\n" USER "    token: t\n",
                 "wrong type"                                                                                                                            },
                { HEAD CLUSTER "    insecure-skip-tls-verify: true\n"
                               "    certificate-authority-data: YQ==\n" USER "    token: t\n",
                 "contradict"                                                                                                                            },
                { HEAD CLUSTER USER "    exec: {command: aws}\n",                                               "\"exec\" cannot be used here"           },
                { HEAD CLUSTER USER "    auth-provider: {name: gcp}\n",                                         "\"auth-provider\""                      },
                { HEAD CLUSTER USER "    username: me\n",                                                       "\"username\""                           },
                { HEAD CLUSTER USER "    tokenFile: nowhere\n",                                                 "\"tokenFile\""                          },
                { HEAD CLUSTER USER "    client-key-data: YQ==\n",                                              "together"                               },
                { HEAD CLUSTER USER "    token: [1]\n",                                                         "\"token\" has the wrong type"           },
        };
        char untouched[] = "untouched";
        struct error err = { 0 };

        make_folder();
        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct kube_config config = { .server = untouched };
                scoped_free char *path = write_file("config", cases[i].text);
                assert_fails(kube_config_read(path, &config, &err), ERROR_INVALID, cases[i].words);
                assert_non_null(strstr(err.text, path));
                assert_ptr_equal(config.server, untouched);
        }
        remove_folder();
}

TEST(names_a_kubeconfig_that_is_not_there)
{
        struct kube_config config = { 0 };
        struct error err = { 0 };

        assert_fails(kube_config_read("/nonexistent/config", &config, &err), ERROR_NOT_FOUND,
                     "/nonexistent/config");
}

TEST(takes_the_first_file_of_the_environment)
{
        scoped(kube_config_clear) struct kube_config config = { 0 };
        struct error err = { 0 };

        make_folder();
        scoped_free char *path = write_file("config", HEAD CLUSTER USER "    token: t\n");
        scoped_free char *list = xasprintf(":%s:/nonexistent", path);
        setenv("KUBECONFIG", list, 1);
        assert_ok(kube_config_read(NULL, &config, &err));
        assert_string_equal(config.server, "https://10.0.0.1:6443");
        unsetenv("KUBECONFIG");
        remove_folder();
}

TEST(takes_what_a_pod_is_given)
{
        scoped(kube_config_clear) struct kube_config config = { 0 };
        struct error err = { 0 };

        make_folder();
        scoped_free char *token = write_file("token", "abc\n");
        scoped_free char *ca = write_file("ca.crt", "CA PEM");
        scoped_free char *namespace = write_file("namespace", "tka-system");
        setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
        setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
        assert_ok(kube_config_read_mounted(folder, &config, &err));
        assert_string_equal(config.server, "https://[fd00::1]:6443");
        assert_string_equal(secret_text(&config.token), "abc");
        assert_string_equal(config.token_file, token);
        assert_string_equal(config.ca_pem, "CA PEM");
        assert_string_equal(config.ca_file, ca);
        assert_string_equal(config.namespace_name, "tka-system");
        setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
        unsetenv("KUBERNETES_SERVICE_PORT");
        assert_ok(kube_config_read_mounted(folder, &config, &err));
        assert_string_equal(config.server, "https://10.0.0.1:443");
        (void)namespace;
        remove_folder();
}

TEST(refuses_a_pod_without_token_or_with_an_empty_one)
{
        struct kube_config config = { 0 };
        struct error err = { 0 };

        make_folder();
        setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
        assert_fails(kube_config_read_mounted(folder, &config, &err), ERROR_NOT_FOUND, "/token");
        scoped_free char *token = write_file("token", " \n");
        assert_fails(kube_config_read_mounted(folder, &config, &err), ERROR_INVALID, "is empty");
        setenv("KUBERNETES_SERVICE_PORT", "x", 1);
        assert_fails(kube_config_read_mounted(folder, &config, &err), ERROR_INVALID,
                     "KUBERNETES_SERVICE_PORT \"x\"");
        (void)token;
        remove_folder();
}
