#include "server/config.h"

#include "lib/memory.h"
#include "lib/option_rows.h"
#include "lib/tailscale.h"
#include "schema/capability.h"
#include "schema/settings.h"

static const struct option_row rows[] = {
        DAEMON_ROWS(SETTINGS_FILE, "127.0.0.2", "8080"),
        SETTINGS_ROWS,

        NUMBER("tailscale.port", "port", 'p', port, "443", 65535, "PORT", "port on the tailnet"),
        LIST("tailscale.capName", "cap-name", 'n', capabilities, CAPABILITY_NAME, "NAME",
             "capability in the tailnet's policy, or several"),
        CHOICE("tailscale.mode", "mode", mode_text, "auto", "auto|userspace|tun", "MODE",
               "how tailscaled hands connections over"),
        TEXT("tailscale.socket", "socket", socket, TAILSCALE_SOCKET, "PATH",
             "tailscaled's LocalAPI socket"),

        CHOICE("server.tls.source", "tls", tls_text, "auto", "auto|files|tailscale|off", "WHERE",
               "where the certificate is from; auto: the files, else port 443 asks tailscaled"),
        TEXT("server.tls.certFile", "tls-cert-file", tls_cert_file, NULL, "FILE",
             "PEM chain, the server's own certificate first; read again when it changes"),
        TEXT("server.tls.keyFile", "tls-key-file", tls_key_file, NULL, "FILE", "its PEM key"),

        TEXT("operator.clusterName", "cluster-name", cluster_name, "tka-cluster", "NAME",
             "cluster's name in kubeconfigs"),
        TEXT("operator.contextPrefix", "context-prefix", context_prefix, "tka-context-", "TEXT",
             "before the login name in a context's name"),
        TEXT("operator.userPrefix", "user-prefix", user_prefix, "tka-user-", "TEXT",
             "before the login name in a kubeconfig user's name"),

        NUMBER("api.retryAfterSeconds", "retry-after", 0, retry_after_seconds, "1", 3600, "SECONDS",
               "what clients are told to wait"),
        ROW("api.requestsPerSecond", "requests-per-second", 0, OPTION_INTEGER, requests_per_second,
            "20", 0, 100000, NULL, "NUMBER", "requests of one device in the long run; 0: no limit"),
        NUMBER("api.requestBurst", "request-burst", 0, request_burst, "100", 100000, "NUMBER",
               "requests of one device at once"),

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

        ELSEWHERE("tailscale.hostname"),
        ELSEWHERE("tailscale.tailnet"),
        ELSEWHERE("tailscale.stateDir"),
        ELSEWHERE("tailscale.serverTags"),
        ELSEWHERE("server.host"),
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

static const struct options options = { rows, ARRAY_LENGTH(rows), NULL };

const struct daemon_config *config_table(void)
{
        static const struct daemon_config table = {
                .options = &options,
                .record_size = sizeof(struct config),
                .file = SETTINGS_FILE,
                .check = config_check,
        };

        return &table;
}

void config_clear(struct config *config)
{
        options_clear(&options, config);
}
