#include "server/config.h"

#include "lib/memory.h"
#include "lib/option_rows.h"
#include "lib/tailscale.h"
#include "schema/capability.h"
#include "schema/settings.h"

static const struct option_row rows[] = {
        BARE("config", 'c', "TKA_CONFIG", OPTION_TEXT, file, "FILE",
             "read this file (default: " SETTINGS_FILE " if there is one)"),
        BARE("help", 'h', "", OPTION_BOOL, help, NULL, "show this text"),

        NUMBER("tailscale.port", "port", 'p', port, "443", 65535, "PORT", "port on the tailnet"),
        LIST("tailscale.capName", "cap-name", 'n', capabilities, CAPABILITY_NAME, "NAME",
             "capability in the tailnet's policy, or several"),
        CHOICE("tailscale.mode", "mode", mode_text, "auto", "auto|userspace|tun", "MODE",
               "how tailscaled hands connections over"),
        TEXT("tailscale.socket", "socket", socket, TAILSCALE_SOCKET, "PATH",
             "tailscaled's LocalAPI socket"),

        TEXT("operator.namespace", "operator-namespace", session_namespace, "tka", "NAME",
             "namespace that holds the sessions and nothing else"),
        LIST("operator.roles", "roles", 0, roles, "view", "NAMES",
             "ClusterRoles that may be granted"),
        TEXT("operator.clusterName", "cluster-name", cluster_name, "tka-cluster", "NAME",
             "cluster's name in kubeconfigs"),
        TEXT("operator.contextPrefix", "context-prefix", context_prefix, "tka-context-", "TEXT",
             "before the login name in a context's name"),
        TEXT("operator.userPrefix", "user-prefix", user_prefix, "tka-user-", "TEXT",
             "before the login name in a kubeconfig user's name"),

        TEXT("kubernetes.kubeconfig", "kubeconfig", kubeconfig, NULL, "FILE",
             "how to reach the API server (default: in the cluster, $KUBECONFIG, ~/.kube/config)"),
        TEXT("kubernetes.namespace", "namespace", release_namespace, NULL, "NAME",
             "namespace this program runs in"),

        PERIOD("server.minPeriod", "min-period", min_period_seconds, "1m", "shortest session"),
        PERIOD("server.maxPeriod", "max-period", max_period_seconds, "24h", "longest session"),
        NUMBER("api.retryAfterSeconds", "retry-after", 0, retry_after_seconds, "1", 3600, "SECONDS",
               "what clients are told to wait"),

        TEXT("clusterInfo.name", "cluster-info-name", cluster.name, NULL, "NAME",
             "what people call the cluster (default: operator.clusterName)"),
        TEXT("clusterInfo.apiEndpoint", "api-endpoint", cluster.server_url, NULL, "URL",
             "the API server as clients reach it"),
        TEXT("clusterInfo.caData", "ca-data", cluster.ca_data, NULL, "BASE64",
             "its CA, base64 of PEM"),
        FLAG("clusterInfo.insecureSkipTLSVerify", "insecure-skip-tls-verify",
             cluster.insecure_skip_tls_verify, "clients do not check its certificate"),
        TEXT("clusterInfo.tlsServerName", "tls-server-name", cluster.tls_server_name, NULL, "NAME",
             "name its certificate carries"),
        ROW("clusterInfo.labels", "labels", 0, OPTION_TEXT_MAP, cluster.labels, NULL, 0, 0, NULL,
            "K=V,...", "shown to clients"),

        TEXT("health.address", "health-address", health_address, "127.0.0.2", "IP",
             "where probes and metrics are answered"),
        NUMBER("health.port", "health-port", 0, health_port, "8080", 65535, "PORT", "its port"),

        CHOICE("log.level", "log-level", log_level_text, "info", "debug|info|warn|error", "LEVEL",
               "least important line that is written"),
        CHOICE("log.format", "log-format", log_format_text, "auto", "auto|json|text", "FORMAT",
               "auto: text on a terminal, else JSON"),
        FLAG("debug", "debug", debug, "the same as --log-level debug"),

        ELSEWHERE("tailscale.hostname"),
        ELSEWHERE("tailscale.tailnet"),
        ELSEWHERE("tailscale.stateDir"),
        ELSEWHERE("tailscale.serverTags"),
        ELSEWHERE("server.host"),
        ELSEWHERE("server.tls"),
        ELSEWHERE("server.readTimeout"),
        ELSEWHERE("server.readHeaderTimeout"),
        ELSEWHERE("server.writeTimeout"),
        ELSEWHERE("server.idleTimeout"),
        ELSEWHERE("clusterInfo.configMapRef"),
        ELSEWHERE("otel"),
        ELSEWHERE("output"),
        ELSEWHERE("cache"),
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
        return config->help || config_check(config, err);
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
