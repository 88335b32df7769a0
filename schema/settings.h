/* settings.h - what both daemons are told alike, and must understand alike. */
#pragma once

#include "lib/json.h"

#define SETTINGS_FILE "/etc/tka/config.yaml"

struct settings {
        char *session_namespace; /* operator.namespace */
        char *release_namespace; /* or NULL: where we run, else tka-system */
        struct text_list roles;
        int64_t min_period_seconds, max_period_seconds;
};

/* The rows of the struct settings in the member settings; for config.c files, which include
 * lib/options/option_rows.h. */
#define SETTINGS_ROWS \
        CHECKED("operator.namespace", "operator-namespace", 0, OPTION_TEXT, \
                settings.session_namespace, "tka", "NAME", \
                "namespace that holds the sessions and nothing else", settings_check_namespace), \
                CHECKED("operator.roles", "roles", 0, OPTION_TEXT_LIST, settings.roles, "view", \
                        "NAMES", "ClusterRoles that may be granted", settings_check_role), \
                CHECKED("kubernetes.namespace", "namespace", 0, OPTION_TEXT, \
                        settings.release_namespace, NULL, "NAME", \
                        "namespace this program runs in", settings_check_namespace), \
                PERIOD("server.minPeriod", "min-period", settings.min_period_seconds, "1m", \
                       "shortest session"), \
                PERIOD("server.maxPeriod", "max-period", settings.max_period_seconds, "24h", \
                       "longest session")

/* What goes together in them: rows for the struct daemon_config. */
#define SETTINGS_CHECKS \
        { { "operator.roles" }, settings_check_roles, offsetof(struct config, settings) }, \
        { \
                { "server.minPeriod", "server.maxPeriod" }, settings_check_periods, \
                        offsetof(struct config, settings) \
        }

/* Keys of the file that neither daemon reads. */
#define SETTINGS_ELSEWHERE \
        ELSEWHERE("server.host"), ELSEWHERE("output"), ELSEWHERE("cache"), \
                ELSEWHERE("leaderElection"), ELSEWHERE("orchestrator"), ELSEWHERE("proxy")

/* Checks for those rows. */
bool settings_check_namespace(const char *text, struct error *err) must_check;
bool settings_check_role(const char *text, struct error *err) must_check;
/* Refuse what does not go together, naming the keys. settings: a struct settings. */
bool settings_check_roles(void *settings, struct error *err) must_check;
bool settings_check_periods(void *settings, struct error *err) must_check;
/* Where we run: as told, else where the pod or the kubeconfig's context is (found, may be NULL),
 * else tka-system. Refuses when sessions would live in the same namespace: who may mint tokens
 * there could mint the operator's. */
bool settings_settle_namespaces(struct settings *settings, const char *found,
                                struct error *err) must_check;
