#include "schema/settings.h"

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

static bool check_roles(const struct text_list *roles, struct error *err)
{
        if (roles->count == 0)
                return error_set(err, ERROR_INVALID, "operator.roles: at least one is needed");
        for (size_t i = 0; i < roles->count; i++)
                if (!check_name("operator.roles", roles->items[i], LIMIT_ROLE,
                                "-.:ABCDEFGHIJKLMNOPQRSTUVWXYZ", err))
                        return false;
        return true;
}

static bool check_periods(int64_t min_seconds, int64_t max_seconds, struct error *err)
{
        if (min_seconds <= max_seconds)
                return true;
        return error_set(err, ERROR_INVALID,
                         "server.minPeriod (%" PRId64
                         " s) is longer than server.maxPeriod (%" PRId64 " s)",
                         min_seconds, max_seconds);
}

bool settings_check(const struct settings *settings, struct error *err)
{
        return check_name("operator.namespace", settings->session_namespace, LIMIT_NAMESPACE, "-",
                          err) &&
               (settings->release_namespace == NULL ||
                check_name("kubernetes.namespace", settings->release_namespace, LIMIT_NAMESPACE,
                           "-", err)) &&
               check_roles(&settings->roles, err) &&
               check_periods(settings->min_period_seconds, settings->max_period_seconds, err);
}

bool settings_settle_namespaces(struct settings *settings, const char *found, struct error *err)
{
        if (settings->release_namespace == NULL)
                settings->release_namespace = xstrdup(found == NULL ? "tka-system" : found);
        if (strcmp(settings->release_namespace, settings->session_namespace) != 0)
                return true;
        return error_set(err, ERROR_INVALID,
                         "operator.namespace: \"%s\" is where this program runs; sessions need a "
                         "namespace of their own",
                         settings->session_namespace);
}
