#include "operator/roles.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define FRESH_MS 10000        /* a role that was there is taken to be there still */
#define FRESH_MISSING_MS 1000 /* one that was not is looked for again soon */

struct known_role {
        char *name;
        enum role_state state;
        int64_t read_at_ms;
        bool power_told;
};

/* As many as operator.roles has: no other name is ever asked for. */
struct roles {
        struct kube *kube;
        struct known_role *items;
        size_t count;
};

struct roles *roles_new(struct kube *kube)
{
        struct roles *roles = xcalloc(1, sizeof(*roles));

        roles->kube = kube;
        return roles;
}

void roles_free(struct roles *roles)
{
        if (roles == NULL)
                return;
        for (size_t i = 0; i < roles->count; i++)
                free(roles->items[i].name);
        free(roles->items);
        free(roles);
}

static struct known_role *find_or_add(struct roles *roles, const char *name)
{
        for (size_t i = 0; i < roles->count; i++)
                if (strcmp(roles->items[i].name, name) == 0)
                        return &roles->items[i];
        roles->items = xrealloc(roles->items, (roles->count + 1) * sizeof(*roles->items));
        roles->items[roles->count] = (struct known_role){ .name = xstrdup(name) };
        return &roles->items[roles->count++];
}

static bool is_fresh(const struct known_role *role)
{
        int64_t age_ms = loop_now_ms() - role->read_at_ms;

        switch (role->state) {
        case ROLE_EXISTS:
                return age_ms < FRESH_MS;
        case ROLE_MISSING:
                return age_ms < FRESH_MISSING_MS;
        case ROLE_UNKNOWN:
        default:
                return false;
        }
}

static bool list_holds(const json_t *rule, const char *key, const char *word)
{
        const json_t *list = json_object_get(rule, key);
        size_t count = json_array_size(list);

        for (size_t i = 0; i < count; i++) {
                const char *text = json_string_value(json_array_get(list, i));

                if (text != NULL && (strcmp(text, word) == 0 || strcmp(text, "*") == 0))
                        return true;
        }
        return false;
}

static const struct {
        const char *verb, *resource, *power;
} powers[] = {
        { "impersonate", "serviceaccounts",       "impersonate"           },
        { "create",      "serviceaccounts/token", "serviceaccounts/token" },
};

const char *roles_find_power(const json_t *role)
{
        const json_t *rules = json_object_get(role, "rules");
        size_t count = json_array_size(rules);

        for (size_t i = 0; i < count * ARRAY_LENGTH(powers); i++) {
                const json_t *rule = json_array_get(rules, i % count);
                size_t row = i / count;

                if (list_holds(rule, "verbs", powers[row].verb) &&
                    list_holds(rule, "resources", powers[row].resource))
                        return powers[row].power;
        }
        return NULL;
}

bool roles_look(struct roles *roles, const char *name, enum role_state *state, const char **power,
                struct error *err)
{
        static const struct kube_resource resource = { "rbac.authorization.k8s.io", "v1",
                                                       "clusterroles" };
        scoped_free char *path = kube_path(&resource, NULL, name, NULL);
        json_auto_t *object = NULL;
        struct known_role *role = find_or_add(roles, name);

        *power = NULL;
        if (is_fresh(role)) {
                *state = role->state;
                return true;
        }

        bool exists = kube_get(roles->kube, path, &object, err);
        if (!exists && err->kind != ERROR_NOT_FOUND)
                return error_wrap(err, "reading ClusterRole %s", name);

        role = find_or_add(roles, name); /* the list may have moved while we waited */
        role->state = exists ? ROLE_EXISTS : ROLE_MISSING;
        role->read_at_ms = loop_now_ms();
        if (exists && !role->power_told) {
                role->power_told = true;
                *power = roles_find_power(object);
        }
        *state = role->state;
        return true;
}
