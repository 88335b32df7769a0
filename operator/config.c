#include "operator/config.h"

#include "lib/memory.h"
#include "lib/option_rows.h"
#include "schema/settings.h"

static const struct option_row rows[] = {
        BARE("config", 'c', "TKA_CONFIG", OPTION_TEXT, file, "FILE",
             "read this file (default: " SETTINGS_FILE " if there is one)"),
        BARE("help", 'h', "", OPTION_BOOL, help, NULL, "show this text"),

        TEXT("operator.namespace", "operator-namespace", session_namespace, "tka", "NAME",
             "namespace that holds the sessions and nothing else"),
        LIST("operator.roles", "roles", 0, roles, "view", "NAMES",
             "ClusterRoles that may be granted"),

        TEXT("kubernetes.kubeconfig", "kubeconfig", kubeconfig, NULL, "FILE",
             "how to reach the API server (default: in the cluster, $KUBECONFIG, ~/.kube/config)"),
        TEXT("kubernetes.namespace", "namespace", release_namespace, NULL, "NAME",
             "namespace this program runs in"),

        PERIOD("server.minPeriod", "min-period", min_period_seconds, "1m",
               "shortest session that the server grants"),
        PERIOD("server.maxPeriod", "max-period", max_period_seconds, "24h", "longest session"),

        TEXT("health.address", "health-address", health_address, "127.0.0.1", "IP",
             "where probes and metrics are answered"),
        NUMBER("health.port", "health-port", 0, health_port, "8081", 65535, "PORT", "its port"),

        CHOICE("log.level", "log-level", log_level_text, "info", "debug|info|warn|error", "LEVEL",
               "least important line that is written"),
        CHOICE("log.format", "log-format", log_format_text, "auto", "auto|json|text", "FORMAT",
               "auto: text on a terminal, else JSON"),

        ELSEWHERE("operator.clusterName"),
        ELSEWHERE("operator.contextPrefix"),
        ELSEWHERE("operator.userPrefix"),
        ELSEWHERE("server.host"),
        ELSEWHERE("server.tls"),
        ELSEWHERE("server.readTimeout"),
        ELSEWHERE("server.readHeaderTimeout"),
        ELSEWHERE("server.writeTimeout"),
        ELSEWHERE("server.idleTimeout"),
        ELSEWHERE("tailscale"),
        ELSEWHERE("clusterInfo"),
        ELSEWHERE("api"),
        ELSEWHERE("otel"),
        ELSEWHERE("output"),
        ELSEWHERE("cache"),
        ELSEWHERE("debug"),
        ELSEWHERE("leaderElection"),
        ELSEWHERE("orchestrator"),
        ELSEWHERE("proxy"),
};

static const struct options options = { rows, ARRAY_LENGTH(rows) };

bool config_read(int argc, char **argv, struct config *config, struct error *err)
{
        const char *given = options_config_path(argc, argv);
        const char *path = given == NULL ? SETTINGS_FILE : given;
        json_auto_t *json = NULL;

        if (!options_read_file(path, given == NULL, &json, err) ||
            !options_read(&options, json, path, argc, argv, NULL, config, err))
                return false;
        return config->help ||
               (settings_read_log(config->log_level_text, config->log_format_text,
                                  &config->log_level, &config->log_format, err) &&
                settings_check_names(config->session_namespace, config->release_namespace,
                                     &config->roles, err) &&
                settings_check_periods(config->min_period_seconds, config->max_period_seconds,
                                       err) &&
                settings_check_health(config->health_address, err));
}

void config_clear(struct config *config)
{
        options_clear(&options, config);
}

bool config_settle_namespaces(struct config *config, const char *found, struct error *err)
{
        return settings_settle_namespaces(&config->release_namespace, found,
                                          config->session_namespace, err);
}

void config_print_help(struct buf *buf)
{
        options_print_help(&options, buf);
}
