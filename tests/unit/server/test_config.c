#include "server/config.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

#define NEEDED "--port", "8123", "--api-endpoint", "https://10.0.0.1:6443"

static bool read_arguments(const char *const *arguments, struct config *config, struct error *err)
{
        char *argv[32] = { (char[]){ "serve" } };
        int argc = 1;

        *err = (struct error){ 0 };
        for (; arguments[argc - 1] != NULL; argc++)
                argv[argc] = xstrdup(arguments[argc - 1]);
        bool good = daemon_read(config_table(), argc, argv, config, err);
        for (int i = 1; i < argc; i++)
                free(argv[i]);
        return good;
}

TEST(defaults_are_those_of_the_handbook)
{
        static const char *const arguments[] = { NEEDED, NULL };
        scoped(config_clear) struct config config = { 0 };
        struct error err = { 0 };

        assert_ok(read_arguments(arguments, &config, &err));
        assert_int_equal(config.mode, MODE_AUTO);
        assert_string_equal(config.settings.session_namespace, "tka");
        assert_int_equal(config.settings.roles.count, 1);
        assert_string_equal(config.settings.roles.items[0], "view");
        assert_string_equal(config.capabilities.items[0], "specht-labs.de/cap/tka");
        assert_int_equal(config.settings.min_period_seconds, 60);
        assert_int_equal(config.settings.max_period_seconds, 86400);
        assert_string_equal(config.daemon.health_address, "127.0.0.2");
        assert_string_equal(config.cluster.name, "tka-cluster");
}

/* As read_arguments(), from one text with a space between two. */
static bool read_line(const char *line, struct config *config, struct error *err)
{
        scoped(text_list_clear) struct text_list words = { 0 };
        const char *arguments[16] = { 0 };

        for (const char *at = line; *at != '\0'; at += strspn(at, " ")) {
                scoped_free char *word = xstrndup(at, strcspn(at, " "));

                text_list_add(&words, word);
                at += strlen(word);
        }
        for (size_t i = 0; i < words.count; i++)
                arguments[i] = words.items[i];
        return read_arguments(arguments, config, err);
}

#define LINE "--port 8123 --api-endpoint https://10.0.0.1:6443 "

TEST(refuses_what_cannot_work_naming_the_key)
{
        static const struct {
                const char *line, *words;
        } cases[] = {
                { "--api-endpoint https://a --tls off",                  "tailscale.port 443"        },
                { LINE "--tls files",                                    "needs server.tls.certFile" },
                { LINE "--tls-cert-file /c",                             "server.tls.keyFile is"     },
                { LINE "--tls-key-file /k",                              "server.tls.certFile is"    },
                { LINE "--tls sometimes",                                "sometimes"                 },
                { "--port 80",                                           "apiEndpoint is required"   },
                { "--port 80 --api-endpoint http://a",                   "is not like https://"      },
                { "--port 80 --api-endpoint https://",                   "is not like https://"      },
                { "--port 80 --api-endpoint https://u@a",                "is not like https://"      },
                { LINE "--ca-data %%%%",                                 "it is no base64"           },
                { LINE "--ca-data aGVsbG8=",                             "not of a PEM certificate"  },
                { LINE "--health-address 0.0.0.0",                       "would listen everywhere"   },
                { LINE "--health-address ::",                            "would listen everywhere"   },
                { LINE "--health-address here",                          "is no IP address"          },
                { LINE "--mode userspace --health-address 127.0.0.1",    "whole tailnet reaches"     },
                { LINE "--mode sideways",                                "sideways"                  },
                { LINE "--min-period 2h --max-period 1h",                "server.minPeriod"          },
                { LINE "--roles no/role",                                "--roles: \"no/role\" is"   },
                { LINE "--operator-namespace A",                         "\"A\" is no Kubernetes"    },
                { LINE "--cap-name https://a/b",                         "is no capability"          },
                { "--port 80 --config-map-ref --api-endpoint https://a", "do not go together"        },
                { LINE "--otel-endpoint ftp://a",                        "is not like http://HOST"   },
                { LINE "--otel-endpoint http://",                        "is not like http://HOST"   },
                { LINE "--read-timeout 0s",                              "out of range"              },
                { LINE "--retry-after 0",                                "0"                         },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(config_clear) struct config config = { 0 };
                struct error err = { 0 };

                assert_fails(read_line(cases[i].line, &config, &err), ERROR_INVALID,
                             cases[i].words);
        }
}

TEST(drops_the_ca_when_nobody_checks_it)
{
        static const char *const arguments[] = { NEEDED, "--insecure-skip-tls-verify", NULL };
        scoped(config_clear) struct config config = { 0 };
        struct error err = { 0 };

        assert_ok(read_arguments(arguments, &config, &err));
        assert_true(config.cluster.insecure_skip_tls_verify);
        assert_null(config.cluster.ca_data);
}

TEST(sessions_never_live_where_the_program_runs)
{
        static const char *const arguments[] = { NEEDED, NULL };
        scoped(config_clear) struct config config = { 0 };
        struct error err = { 0 };

        assert_ok(read_arguments(arguments, &config, &err));
        assert_fails(settings_settle_namespaces(&config.settings, "tka", &err), ERROR_INVALID,
                     "\"tka\" is where this program runs");
}

TEST(runs_in_tka_system_unless_told_otherwise)
{
        static const char *const arguments[] = { NEEDED, NULL };
        scoped(config_clear) struct config config = { 0 };
        struct error err = { 0 };

        assert_ok(read_arguments(arguments, &config, &err));
        assert_ok(settings_settle_namespaces(&config.settings, NULL, &err));
        assert_string_equal(config.settings.release_namespace, "tka-system");
}

TEST(takes_the_certificate_from_where_the_port_and_the_files_say)
{
        static const struct {
                const char *line;
                enum tls tls;
        } cases[] = {
                { "--api-endpoint https://a",                            TLS_TAILSCALE },
                { LINE,                                                  TLS_OFF       },
                { LINE "--tls tailscale",                                TLS_TAILSCALE },
                { LINE "--tls-cert-file /c --tls-key-file /k",           TLS_FILES     },
                { LINE "--tls-cert-file /c --tls-key-file /k --tls off", TLS_OFF       },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(config_clear) struct config config = { 0 };
                struct error err = { 0 };

                assert_ok(read_line(cases[i].line, &config, &err));
                assert_int_equal(config.tls, cases[i].tls);
        }
}

TEST(the_schema_of_the_file_is_the_one_in_the_repository)
{
        json_auto_t *made = daemon_schema(config_table());
        json_auto_t *kept = json_load_file("schema/tka-server.schema.json", 0, NULL);

        if (!json_equal(made, kept))
                fail_msg("%s", "type: build/bin/tka-server config schema "
                               ">schema/tka-server.schema.json");
}

TEST(every_key_can_be_set_by_a_flag_and_by_the_environment_and_is_explained)
{
        const struct options *options = &config_table()->options;

        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                scoped_free char *variable = options_environment_name(row);

                if (row->key == NULL || row->kind == OPTION_ELSEWHERE)
                        continue;
                if (row->flag == NULL || variable == NULL || row->help == NULL)
                        fail_msg("%s has no flag, no variable or no help", row->key);
        }
}
