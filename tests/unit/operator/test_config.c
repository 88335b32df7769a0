#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "operator/config.h"

static bool read_text(const char *text, struct config *config, struct error *err)
{
        char path[] = "/tmp/tka-operator-config-XXXXXX";
        int fd = mkstemp(path);
        char verb[] = "run";
        char flag[] = "--config";
        char *arguments[] = { verb, flag, path, NULL };

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);

        bool read = daemon_read(config_table(), 3, arguments, config, err);
        unlink(path);
        return read;
}

TEST(has_the_defaults_of_the_design)
{
        scoped(config_clear) struct config config = { 0 };
        struct error err = { 0 };

        assert_ok(read_text("", &config, &err));
        assert_string_equal(config.settings.session_namespace, "tka");
        assert_int_equal(config.settings.roles.count, 1);
        assert_string_equal(config.settings.roles.items[0], "view");
        assert_int_equal(config.settings.min_period_seconds, 60);
        assert_int_equal(config.settings.max_period_seconds, 24 * 3600);
        assert_string_equal(config.daemon.health_address, "127.0.0.1");
        assert_int_equal(config.daemon.health_port, 8081);
}

TEST(accepts_the_sections_of_the_server)
{
        scoped(config_clear) struct config config = { 0 };
        struct error err = { 0 };

        assert_ok(read_text("tailscale: {port: 8123, mode: userspace}\n"
                            "operator: {namespace: people, roles: [view, edit], clusterName: x}\n"
                            "server: {minPeriod: 1s, maxPeriod: 2h}\n"
                            "clusterInfo: {name: x, labels: {a: b}}\n"
                            "api: {retryAfterSeconds: 1}\n",
                            &config, &err));
        assert_string_equal(config.settings.session_namespace, "people");
        assert_int_equal(config.settings.roles.count, 2);
        assert_int_equal(config.settings.max_period_seconds, 7200);
}

TEST(refuses_what_it_cannot_work_with_and_says_why)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "operator: {namespce: x}",                          "operator.namespace"             },
                { "operator: {namespace: \"Tka\"}",                   "no Kubernetes name"             },
                { "operator: {namespace: \"\"}",                      "operator.namespace"             },
                { "operator: {roles: []}",                            "operator.roles"                 },
                { "operator: {roles: [\"a b\"]}",                     "no Kubernetes name"             },
                { "server: {minPeriod: 2h, maxPeriod: 1h}",           "is longer than"                 },
                { "server: {maxPeriod: soon}",                        "soon"                           },
                { "health: {address: localhost}",                     "no IP address"                  },
                { "health: {port: 70000}",                            "70000"                          },
                { "log: {level: loud}",                               "loud"                           },
                { "[",                                                "line"                           },
                { "log: {level: info}\nserver:\n  maxPeriod: soon\n",
                 "line 3: \"server.maxPeriod\""                                                        },
                { "health:\n  port: 1\n  prot: 2\n",
                 "line 3: \"health.prot\" is no key; did you mean \"health.port\"?"                    },
                { "operator:\n  roles:\n    - view\n    - a b\n",
                 "line 2: \"operator.roles\": \"a b\" is no"                                           },
                { "\n\nlog: loud\n",                                  "line 3: \"log\" must hold keys" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(config_clear) struct config config = { 0 };
                struct error err = { 0 };

                assert_fails(read_text(cases[i].text, &config, &err), ERROR_INVALID,
                             cases[i].words);
        }
}

TEST(refuses_to_keep_sessions_where_it_runs)
{
        scoped(config_clear) struct config config = { 0 };
        struct error err = { 0 };

        assert_ok(read_text("operator: {namespace: tka-system}", &config, &err));
        assert_fails(settings_settle_namespaces(&config.settings, NULL, &err), ERROR_INVALID,
                     "namespace of their own");
}

TEST(takes_the_namespace_of_the_pod_unless_told_another)
{
        scoped(config_clear) struct config found = { 0 };
        scoped(config_clear) struct config told = { 0 };
        struct error err = { 0 };

        assert_ok(read_text("", &found, &err));
        assert_ok(settings_settle_namespaces(&found.settings, "release", &err));
        assert_string_equal(found.settings.release_namespace, "release");
        assert_ok(read_text("kubernetes: {namespace: mine}", &told, &err));
        assert_ok(settings_settle_namespaces(&told.settings, "tka", &err));
        assert_string_equal(told.settings.release_namespace, "mine");
}

TEST(the_schema_of_the_file_is_the_one_in_the_repository)
{
        json_auto_t *made = daemon_schema(config_table());
        json_auto_t *kept = json_load_file("schema/tka-operator.schema.json", 0, NULL);

        if (!json_equal(made, kept))
                fail_msg("%s", "type: build/bin/tka-operator config schema "
                               ">schema/tka-operator.schema.json");
}
