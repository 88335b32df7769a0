#include "schema/settings.h"

#include <inttypes.h>
#include <string.h>

#include "lib/memory.h"
#include "schema/limits.h"

/* What Kubernetes takes for a name; those of ClusterRoles may hold more characters. */
static bool check_name(const char *name, size_t limit, const char *more, struct error *err)
{
        size_t length = strlen(name);

        if (length == 0 || length > limit)
                return error_set(err, ERROR_INVALID, "\"%.100s\" is not 1 to %zu bytes long", name,
                                 limit);
        for (const char *at = name; *at != '\0'; at++)
                if ((*at < 'a' || *at > 'z') && (*at < '0' || *at > '9') &&
                    strchr(more, *at) == NULL)
                        return error_set(err, ERROR_INVALID, "\"%s\" is no Kubernetes name", name);
        return true;
}

bool settings_check_namespace(const char *text, struct error *err)
{
        return check_name(text, LIMIT_NAMESPACE, "-", err);
}

bool settings_check_role(const char *text, struct error *err)
{
        return check_name(text, LIMIT_ROLE, "-.:ABCDEFGHIJKLMNOPQRSTUVWXYZ", err);
}

bool settings_check_roles(void *part, struct error *err)
{
        const struct settings *settings = part;

        return settings->roles.count > 0 ||
               error_set(err, ERROR_INVALID, "operator.roles: at least one is needed");
}

bool settings_check_periods(void *part, struct error *err)
{
        const struct settings *settings = part;

        if (settings->min_period_seconds <= settings->max_period_seconds)
                return true;
        return error_set(err, ERROR_INVALID,
                         "server.minPeriod (%" PRId64
                         " s) is longer than server.maxPeriod (%" PRId64 " s)",
                         settings->min_period_seconds, settings->max_period_seconds);
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
