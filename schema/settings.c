#include "schema/settings.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "lib/memory.h"
#include "schema/limits.h"

/* What Kubernetes takes for a name; those of ClusterRoles may hold more characters. */
static bool check_name(const char *key, const char *name, size_t limit, const char *more,
                       struct error *err)
{
        size_t length = strlen(name);

        if (length == 0 || length > limit)
                return error_set(err, ERROR_INVALID, "%s: \"%s\" is not 1 to %zu bytes long", key,
                                 name, limit);
        for (const char *at = name; *at != '\0'; at++)
                if ((*at < 'a' || *at > 'z') && (*at < '0' || *at > '9') &&
                    strchr(more, *at) == NULL)
                        return error_set(err, ERROR_INVALID, "%s: \"%s\" is no Kubernetes name",
                                         key, name);
        return true;
}

bool settings_check_names(const char *session_namespace, const char *release_namespace,
                          const struct text_list *roles, struct error *err)
{
        if (!check_name("operator.namespace", session_namespace, LIMIT_NAMESPACE, "-", err))
                return false;
        if (release_namespace != NULL &&
            !check_name("kubernetes.namespace", release_namespace, LIMIT_NAMESPACE, "-", err))
                return false;
        if (roles->count == 0)
                return error_set(err, ERROR_INVALID, "operator.roles: at least one is needed");
        for (size_t i = 0; i < roles->count; i++)
                if (!check_name("operator.roles", roles->items[i], LIMIT_ROLE,
                                "-.:ABCDEFGHIJKLMNOPQRSTUVWXYZ", err))
                        return false;
        return true;
}

bool settings_check_periods(int64_t min_seconds, int64_t max_seconds, struct error *err)
{
        if (min_seconds <= max_seconds)
                return true;
        return error_set(err, ERROR_INVALID,
                         "server.minPeriod (%" PRId64
                         " s) is longer than server.maxPeriod (%" PRId64 " s)",
                         min_seconds, max_seconds);
}

bool settings_check_health(const char *address, struct error *err)
{
        unsigned char binary[sizeof(struct in6_addr)];

        if (inet_pton(AF_INET, address, binary) == 1 || inet_pton(AF_INET6, address, binary) == 1)
                return true;
        return error_set(err, ERROR_INVALID, "health.address: \"%s\" is no IP address", address);
}

bool settings_read_log(const char *level_text, const char *format_text, enum log_level *level,
                       enum log_format *format, struct error *err)
{
        static const char *const formats[] = { "auto", "json", "text" };

        if (!log_level_parse(level_text, level, err))
                return error_wrap(err, "log.level");
        for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
                if (strcmp(format_text, formats[i]) == 0)
                        *format = (enum log_format)i;
        return true;
}

bool settings_settle_namespaces(char **release_namespace, const char *found,
                                const char *session_namespace, struct error *err)
{
        if (*release_namespace == NULL)
                *release_namespace = xstrdup(found == NULL ? "tka-system" : found);
        if (strcmp(*release_namespace, session_namespace) != 0)
                return true;
        return error_set(err, ERROR_INVALID,
                         "operator.namespace: \"%s\" is where this program runs; sessions need a "
                         "namespace of their own",
                         session_namespace);
}
