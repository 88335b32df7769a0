/* config.h - what tka-operator is told: by flag, TKA_*, file or default; one table. */
#pragma once

#include "lib/json.h"
#include "lib/log.h"

struct config {
        char *file;
        bool help;

        char *session_namespace; /* operator.namespace */
        struct text_list roles;

        char *kubeconfig;        /* or NULL */
        char *release_namespace; /* or NULL: where we run, else tka-system */

        int64_t min_period_seconds, max_period_seconds;

        char *health_address;
        int64_t health_port;

        char *log_level_text, *log_format_text;

        /* Read from the texts above by config_read(). */
        enum log_level log_level;
        enum log_format log_format;
};

/* Reads and checks everything but the namespaces. The caller clears config also on failure. */
bool config_read(int argc, char **argv, struct config *config, struct error *err) must_check;
void config_clear(struct config *config);
/* Where we run: as told, else where the pod or the kubeconfig's context is (found, may be NULL).
 * Refuses when sessions would live in the same namespace. */
bool config_settle_namespaces(struct config *config, const char *found,
                              struct error *err) must_check;
void config_print_help(struct buf *buf);
