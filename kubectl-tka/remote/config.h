/* config.h - what flags, TKA_* variables and the config file say, for every command in one struct.
 */
#pragma once

#include "kubectl-tka/commands.h"
#include "lib/json.h"

#define CONFIG_SERVER_TAGS "tag:tka,tag:tka-*"

struct config {
        char *config_file; /* --config */
        char *server;      /* --server: a URL or a host */
        char *hostname, *tailnet;
        int64_t port;
        char *socket; /* tailscaled's */
        struct text_list server_tags;
        char *node_id; /* the one node trusted without a tag, or NULL */
        bool insecure_plain_http;
        char *cache; /* one of CACHE_MODES */
        bool quiet;

        char *kubeconfig;   /* --kubeconfig, or NULL: as client-go chooses */
        char *context_name; /* login */
        bool use;
        char *role;
        int64_t for_seconds;
        char *reason;
        char *format; /* -o */
        char *ca_hash, *cluster;

        struct text_list operands;
};
void config_clear(struct config *config);

/* argv[0] is the command's last word. *config is to be cleared also when this fails. */
bool config_read(enum command command, int argc, char **argv, struct config *config,
                 struct error *err) must_check;
/* What --help prints for the command. */
void config_print_help(enum command command, struct buf *text);
bool config_is_help(int argc, char **argv);

/* The TKA server's URL in its one form: what was given (a URL or a host), else what is configured.
 * The caller's. */
bool config_server_url(const struct config *config, const char *given, char **url,
                       struct error *err) must_check;
/* Neither flag, variable nor file names a server. */
bool config_server_is_default(const struct config *config);
