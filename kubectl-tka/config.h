/* config.h - what flags, TKA_* variables and the config file say, for every command in one struct.
 */
#pragma once

#include "kubectl-tka/commands.h"
#include "lib/options/options.h"

#define CONFIG_SERVER_TAGS "tag:tka,tag:tka-*"
#define CONFIG_HOSTNAME "tka"
#define CONFIG_PORT 443

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
        bool quiet, debug, help;

        char *kubeconfig;   /* --kubeconfig, or NULL: as client-go chooses */
        char *context_name; /* login, like the next five */
        char *exec_api;     /* "v1" or "v1beta1" */
        bool use, absolute, dry_run, to_stdout;
        char *role;
        int64_t for_seconds;
        char *reason;
        bool everywhere, all, forget; /* logout */
        bool token;                   /* kubeconfig */
        bool install;                 /* completion */
        char *output;                 /* -o: one of COMMAND_OUTPUTS */
        char *template;               /* status --format */
        char *ca_hash, *cluster;

        char *loaded_file;   /* the config file that was read, or NULL */
        json_t *lines;       /* where its keys stand: {"tailscale.port": 3}, or NULL */
        const char *program; /* "kubectl tka" or "tka", as it was typed */
        struct option_notes notes;
};
void config_clear(struct config *config);

/* All rows, with the flags that the command takes. */
struct options config_options(enum command command);

/* json is the config file's content, or NULL; file its name. Complains of too many words. *config
 * is to be cleared also when this fails. */
bool config_read(const struct command_line *line, const json_t *json, const char *file,
                 struct config *config, struct error *err) must_check;
/* The word behind the command, or NULL. */
const char *config_operand(const struct config *config);
