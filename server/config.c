#include "server/config.h"

#include "lib/api/tailscale.h"
#include "lib/memory.h"
#include "lib/options/option_rows.h"
#include "schema/capability.h"
#include "schema/settings.h"

static const struct option_row rows[] = {
        DAEMON_ROWS(SETTINGS_FILE, "127.0.0.2", "8080"),
        SETTINGS_ROWS,

        NUMBER("tailscale.port", "port", 'p', port, "443", 65535, "PORT", "port on the tailnet"),
        TEXT("tailscale.hostname", "hostname", hostname, NULL, "NAME",
             "what tailscaled's node should be called; a warning when it is not"),
        CHECKED("tailscale.capName", "cap-name", 'n', OPTION_TEXT_LIST, capabilities,
                CAPABILITY_NAME, "NAME", "capability in the tailnet's policy, or several",
                config_check_capability),
        CHOICE("tailscale.mode", "mode", mode_text, "auto", "auto|userspace|tun", "MODE",
               "how tailscaled hands connections over"),
        TEXT("tailscale.socket", "socket", socket, TAILSCALE_SOCKET, "PATH",
             "tailscaled's LocalAPI socket"),

        PERIOD("server.readTimeout", "read-timeout", read_seconds, "10s",
               "for a request to arrive whole"),
        PERIOD("server.readHeaderTimeout", "read-header-timeout", read_header_seconds, "5s",
               "for its head"),
        PERIOD("server.writeTimeout", "write-timeout", write_seconds, "20s",
               "for a client to take its answer"),
        PERIOD("server.idleTimeout", "idle-timeout", idle_seconds, "2m",
               "for the next request of a connection"),
        LIST("server.hosts", "hosts", 0, hosts, NULL, "NAMES",
             "names outside the tailnet's domain by which clients ask, for the Host header"),
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
        CHECKED("clusterInfo.apiEndpoint", "api-endpoint", 0, OPTION_TEXT, cluster.server_url, NULL,
                "URL", "the API server as clients reach it", cluster_check_endpoint),
        CHECKED("clusterInfo.caData", "ca-data", 0, OPTION_TEXT, cluster.ca_data, NULL, "BASE64",
                "its CA, base64 of PEM", cluster_check_ca),
        FLAG("clusterInfo.insecureSkipTLSVerify", "insecure-skip-tls-verify",
             cluster.insecure_skip_tls_verify, "clients do not check its certificate"),
        TEXT("clusterInfo.tlsServerName", "tls-server-name", cluster.tls_server_name, NULL, "NAME",
             "name its certificate carries"),
        ROW("clusterInfo.labels", "labels", 0, OPTION_TEXT_MAP, cluster.labels, NULL, 0, 0, NULL,
            "K=V,...", "shown to clients"),
        FLAG("clusterInfo.configMapRef.enabled", "config-map-ref", cluster_reference.enabled,
             "take the API server's address and CA from a ConfigMap, and follow it"),
        TEXT("clusterInfo.configMapRef.name", "config-map-name", cluster_reference.name,
             "cluster-info", "NAME", "its name"),
        CHECKED("clusterInfo.configMapRef.namespace", "config-map-namespace", 0, OPTION_TEXT,
                cluster_reference.namespace_name, "kube-public", "NAME", "its namespace",
                settings_check_namespace),
        TEXT("clusterInfo.configMapRef.keys.apiEndpoint", "config-map-endpoint-key",
             cluster_reference.key_endpoint, "apiEndpoint", "KEY", "its key that holds the URL"),
        TEXT("clusterInfo.configMapRef.keys.caData", "config-map-ca-key", cluster_reference.key_ca,
             "caData", "KEY", "its key that holds the CA, base64 of PEM"),
        TEXT("clusterInfo.configMapRef.keys.insecure", "config-map-insecure-key",
             cluster_reference.key_insecure, "insecure", "KEY",
             "its key that is true where nothing is verified"),
        TEXT("clusterInfo.configMapRef.keys.kubeconfig", "config-map-kubeconfig-key",
             cluster_reference.key_kubeconfig, "kubeconfig", "KEY",
             "its key that holds a kubeconfig, as kubeadm's does"),

        CHECKED("otel.endpoint", "otel-endpoint", 0, OPTION_TEXT, otel_endpoint, NULL, "URL",
                "OTLP collector that is sent traces, over HTTP", config_check_collector),
        ROW("otel.insecure", "otel-insecure", 0, OPTION_BOOL, otel_insecure, "true", 0, 0, NULL,
            NULL, "an endpoint without http:// or https:// is plain HTTP"),

        ELSEWHERE("tailscale.tailnet"),
        ELSEWHERE("tailscale.stateDir"),
        ELSEWHERE("tailscale.serverTags"),
        ELSEWHERE("tailscale.serverNodeId"),
        SETTINGS_ELSEWHERE,
};

static const struct daemon_check checks[] = {
        { { "tailscale.mode" },                                              config_read_mode,          0 },
        SETTINGS_CHECKS,
        { { "tailscale.capName" },                                           config_check_capabilities, 0 },
        { { "server.tls.certFile", "server.tls.keyFile" },                   config_check_certificate,  0 },
        { { "server.tls.source", "tailscale.port" },                         config_check_tls,          0 },
        { { "clusterInfo.apiEndpoint", "clusterInfo.configMapRef.enabled" },
         config_check_cluster,                                                                          0 },
        { { "health.address", "tailscale.mode" },                            config_check_health,       0 },
};

static const struct daemon_config table = {
        .options = { rows, ARRAY_LENGTH(rows), NULL },
        .record_size = sizeof(struct config),
        .file = SETTINGS_FILE,
        .title = "Configuration of tka-server",
        .checks = checks,
        .check_count = ARRAY_LENGTH(checks),
};

const struct daemon_config *config_table(void)
{
        return &table;
}

void config_clear(struct config *config)
{
        options_clear(&table.options, config);
}
