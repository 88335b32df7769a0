#include "operator/config.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/options.h"
#include "schema/limits.h"

#define CONFIG_FILE "/etc/tka/config.yaml"
#define YEAR_SECONDS (INT64_C(366) * 24 * 3600)
#define AT(member) offsetof(struct config, member)

/* clang-format off: one row is one option */
static const struct option_row rows[] = {
        { NULL,                       "config",             'c', "TKA_CONFIG", OPTION_TEXT,      AT(file),               NULL,        0, 0,            NULL, "FILE",
         "read this file (default: " CONFIG_FILE " if there is one)"                                                                                                                                                          },
        { NULL,                       "help",               'h', "",           OPTION_BOOL,      AT(help),               NULL,        0, 0,            NULL, NULL,       "show this text"                                     },

        { "operator.namespace",       "operator-namespace", 0,   NULL,         OPTION_TEXT,      AT(session_namespace),
         "tka",                                                                                                                       0, 0,            NULL, "NAME",     "namespace that holds the sessions and nothing else" },
        { "operator.roles",           "roles",              0,   NULL,         OPTION_TEXT_LIST, AT(roles),              "view",      0, 0,            NULL,
         "NAMES",                                                                                                                                                        "ClusterRoles that may be granted"                   },

        { "kubernetes.kubeconfig",    "kubeconfig",         0,   NULL,         OPTION_TEXT,      AT(kubeconfig),         NULL,        0, 0,
         NULL,                                                                                                                                               "FILE",
         "how to reach the API server (default: in the cluster, $KUBECONFIG, ~/.kube/config)"                                                                                                                                 },
        { "kubernetes.namespace",     "namespace",          0,   NULL,         OPTION_TEXT,      AT(release_namespace),  NULL,        0,
         0,                                                                                                                                            NULL, "NAME",     "namespace this program runs in"                     },

        { "server.minPeriod",         "min-period",         0,   NULL,         OPTION_DURATION,  AT(min_period_seconds), "1m",
         1,                                                                                                                              YEAR_SECONDS, NULL, "DURATION", "shortest session that the server grants"            },
        { "server.maxPeriod",         "max-period",         0,   NULL,         OPTION_DURATION,  AT(max_period_seconds), "24h",
         1,                                                                                                                              YEAR_SECONDS, NULL, "DURATION", "longest session"                                    },

        { "health.address",           "health-address",     0,   NULL,         OPTION_TEXT,      AT(health_address),     "127.0.0.1",
         0,                                                                                                                              0,            NULL, "IP",       "where probes and metrics are answered"              },
        { "health.port",              "health-port",        0,   NULL,         OPTION_INTEGER,   AT(health_port),        "8081",      1, 65535,
         NULL,                                                                                                                                               "PORT",     "its port"                                           },

        { "log.level",                "log-level",          0,   NULL,         OPTION_TEXT,      AT(log_level_text),     "info",      0, 0,
         "debug|info|warn|error",                                                                                                                            "LEVEL",    "least important line that is written"               },
        { "log.format",               "log-format",         0,   NULL,         OPTION_TEXT,      AT(log_format_text),    "auto",      0, 0,
         "auto|json|text",                                                                                                                                   "FORMAT",   "auto: text on a terminal, else JSON"                },

        { "operator.clusterName",     NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "operator.contextPrefix",   NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,
         NULL                                                                                                                                                                                                                 },
        { "operator.userPrefix",      NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "server.host",              NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "server.tls",               NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "server.readTimeout",       NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "server.readHeaderTimeout", NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,
         NULL                                                                                                                                                                                                                 },
        { "server.writeTimeout",      NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "server.idleTimeout",       NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "tailscale",                NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "clusterInfo",              NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "api",                      NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "otel",                     NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "output",                   NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "cache",                    NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "debug",                    NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "leaderElection",           NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "orchestrator",             NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
        { "proxy",                    NULL,                 0,   "",           OPTION_ELSEWHERE, 0,                      NULL,        0, 0,            NULL, NULL,       NULL                                                 },
};
/* clang-format on */

static const struct options options = { rows, ARRAY_LENGTH(rows) };

/* What Kubernetes takes for a name; those of ClusterRoles may hold more characters. */
static bool check_name(const char *key, const char *name, size_t limit, const char *more,
                       struct error *err)
{
        size_t length = strlen(name);

        if (length == 0 || length > limit)
                return error_set(err, ERROR_INVALID, "%s: \"%s\" is not 1 to %zu bytes long", key,
                                 name, limit);
        for (const char *at = name; *at != '\0'; at++)
                if ((*at < 'a' || *at > 'z') && (*at < '0' || *at > '9') &&
                    strchr(more, *at) == NULL)
                        return error_set(err, ERROR_INVALID, "%s: \"%s\" is no Kubernetes name",
                                         key, name);
        return true;
}

static bool check_names(const struct config *config, struct error *err)
{
        if (!check_name("operator.namespace", config->session_namespace, LIMIT_NAMESPACE, "-", err))
                return false;
        if (config->release_namespace != NULL &&
            !check_name("kubernetes.namespace", config->release_namespace, LIMIT_NAMESPACE, "-",
                        err))
                return false;
        if (config->roles.count == 0)
                return error_set(err, ERROR_INVALID, "operator.roles: at least one is needed");
        for (size_t i = 0; i < config->roles.count; i++)
                if (!check_name("operator.roles", config->roles.items[i], LIMIT_ROLE,
                                "-.:ABCDEFGHIJKLMNOPQRSTUVWXYZ", err))
                        return false;
        return true;
}

static bool check_periods(const struct config *config, struct error *err)
{
        if (config->min_period_seconds <= config->max_period_seconds)
                return true;
        return error_set(err, ERROR_INVALID,
                         "server.minPeriod (%" PRId64
                         " s) is longer than server.maxPeriod (%" PRId64 " s)",
                         config->min_period_seconds, config->max_period_seconds);
}

static bool check_health(const struct config *config, struct error *err)
{
        unsigned char address[sizeof(struct in6_addr)];

        if (inet_pton(AF_INET, config->health_address, address) == 1 ||
            inet_pton(AF_INET6, config->health_address, address) == 1)
                return true;
        return error_set(err, ERROR_INVALID, "health.address: \"%s\" is no IP address",
                         config->health_address);
}

static bool read_words(struct config *config, struct error *err)
{
        static const char *const formats[] = { "auto", "json", "text" };

        for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
                if (strcmp(config->log_format_text, formats[i]) == 0)
                        config->log_format = (enum log_format)i;
        return log_level_parse(config->log_level_text, &config->log_level, err) ||
               error_wrap(err, "log.level");
}

bool config_read(int argc, char **argv, struct config *config, struct error *err)
{
        const char *given = options_config_path(argc, argv);
        const char *path = given == NULL ? CONFIG_FILE : given;
        json_auto_t *json = NULL;

        if (!options_read_file(path, given == NULL, &json, err) ||
            !options_read(&options, json, path, argc, argv, NULL, config, err))
                return false;
        return config->help || (read_words(config, err) && check_names(config, err) &&
                                check_periods(config, err) && check_health(config, err));
}

void config_clear(struct config *config)
{
        options_clear(&options, config);
}

bool config_settle_namespaces(struct config *config, const char *found, struct error *err)
{
        if (config->release_namespace == NULL)
                config->release_namespace = xstrdup(found == NULL ? "tka-system" : found);
        if (strcmp(config->release_namespace, config->session_namespace) != 0)
                return true;
        return error_set(err, ERROR_INVALID,
                         "operator.namespace: \"%s\" is where this program runs; sessions need a "
                         "namespace of their own",
                         config->session_namespace);
}

void config_print_help(struct buf *buf)
{
        options_print_help(&options, buf);
}
