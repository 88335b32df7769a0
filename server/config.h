/* config.h - what tka-server is told: by flag, TKA_*, file or default; one table. */
#pragma once

#include "lib/json.h"
#include "lib/log.h"
#include "schema/cluster_info.h"

enum mode { MODE_AUTO, MODE_USERSPACE, MODE_TUN };

struct config {
        char *file;
        bool help;

        int64_t port;
        struct text_list capabilities; /* names, in order */
        char *mode_text;
        char *socket;

        char *session_namespace; /* operator.namespace */
        struct text_list roles;
        char *cluster_name, *context_prefix, *user_prefix;

        char *kubeconfig;        /* or NULL */
        char *release_namespace; /* or NULL: where we run, else tka-system */

        int64_t min_period_seconds, max_period_seconds;
        int64_t retry_after_seconds;
        struct cluster_info cluster;

        char *health_address;
        int64_t health_port;

        char *log_level_text, *log_format_text;
        bool debug;

        /* Read from the texts above by config_read(). */
        enum mode mode;
        enum log_level log_level;
        enum log_format log_format;
};

/* Reads and checks everything but the namespaces. The caller clears config also on failure. */
bool config_read(int argc, char **argv, struct config *config, struct error *err) must_check;
void config_clear(struct config *config);
/* Reads the words and refuses what cannot work, naming the key; part of config_read(). */
bool config_check(struct config *config, struct error *err) must_check;
/* Where we run: as told, else where the pod or the kubeconfig's context is (found, may be NULL).
 * Refuses when sessions would live in the same namespace. */
bool config_settle_namespaces(struct config *config, const char *found,
                              struct error *err) must_check;
/* In userspace mode 127.0.0.1 is the tailnet: nothing private may listen there. */
bool config_allows_userspace(const struct config *config, struct error *err) must_check;
void config_print_help(struct buf *buf);
