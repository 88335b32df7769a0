/* settings.h - what both daemons are told alike, and must understand alike. */
#pragma once

#include "lib/json.h"
#include "lib/log.h"

#define SETTINGS_FILE "/etc/tka/config.yaml"

/* operator.namespace, kubernetes.namespace (or NULL) and operator.roles, at least one. */
bool settings_check_names(const char *session_namespace, const char *release_namespace,
                          const struct text_list *roles, struct error *err) must_check;
/* server.minPeriod and server.maxPeriod, in seconds. */
bool settings_check_periods(int64_t min_seconds, int64_t max_seconds, struct error *err) must_check;
/* health.address: one IP address. */
bool settings_check_health(const char *address, struct error *err) must_check;
/* log.level and log.format. */
bool settings_read_log(const char *level_text, const char *format_text, enum log_level *level,
                       enum log_format *format, struct error *err) must_check;
/* Where we run: as told, else where the pod or the kubeconfig's context is (found, may be NULL),
 * else tka-system. Refuses when sessions would live in the same namespace: who may mint tokens
 * there could mint the operator's. */
bool settings_settle_namespaces(char **release_namespace, const char *found,
                                const char *session_namespace, struct error *err) must_check;
