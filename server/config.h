/* config.h - what tka-server is told: by flag, TKA_*, file or default; one table. */
#pragma once

#include "lib/daemon/daemon.h"
#include "schema/cluster_info.h"
#include "schema/settings.h"
#include "server/cluster.h"

enum tls { TLS_OFF, TLS_FILES, TLS_TAILSCALE };
enum mode { MODE_AUTO, MODE_USERSPACE, MODE_TUN };

struct config {
        struct daemon_options daemon;
        struct settings settings;

        int64_t port;
        struct text_list capabilities; /* names, in order */
        char *mode_text;
        char *socket;
        char *tls_text, *tls_cert_file, *tls_key_file;

        struct text_list hosts; /* names by which clients may ask, besides the tailnet's */
        char *hostname;         /* what the node should be called, or NULL */
        int64_t read_seconds, read_header_seconds, write_seconds, idle_seconds;

        char *cluster_name, *context_prefix, *user_prefix;

        int64_t retry_after_seconds;
        int64_t requests_per_second, request_burst;
        struct cluster_info cluster;
        struct cluster_reference cluster_reference;
        char *otel_endpoint; /* or NULL: no traces */
        bool otel_insecure;

        enum mode mode; /* read from mode_text */
        enum tls tls;   /* where the certificate comes from, read from tls_text and the rest */
};

/* Its table and what goes with it, for daemon_read(). */
const struct daemon_config *config_table(void);
void config_clear(struct config *config);
/* Checks of what goes together, for the table in this order: each refuses what cannot work, naming
 * the key, and some read words. config: a struct config. */
bool config_read_mode(void *config, struct error *err) must_check;
bool config_check_capabilities(void *config, struct error *err) must_check;
bool config_check_certificate(void *config, struct error *err) must_check;
bool config_check_tls(void *config, struct error *err) must_check;
bool config_check_cluster(void *config, struct error *err) must_check;
bool config_check_health(void *config, struct error *err) must_check;
/* Checks for rows of the table. */
bool config_check_capability(const char *text, struct error *err) must_check;
bool config_check_collector(const char *text, struct error *err) must_check;
/* In userspace mode 127.0.0.1 is the tailnet: nothing private may listen there. */
bool config_allows_userspace(const struct config *config, struct error *err) must_check;
