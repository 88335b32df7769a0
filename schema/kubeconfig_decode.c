#include <string.h>

#include "lib/memory.h"
#include "schema/kubeconfig.h"

#define LIMIT_ITEMS 16 /* of each kind, in one answer */

static const struct {
        const char *list, *item;
} kinds[] = {
        { "clusters", "cluster" },
        { "users",    "user"    },
        { "contexts", "context" },
};

/* {"name": {...}} as [{"name": "name", "cluster": {...}}] */
static json_t *list_map(json_t *map, const char *item_key)
{
        json_t *list = json_array();
        const char *name = NULL;
        json_t *value = NULL;

        json_object_foreach(map, name, value)
        {
                json_t *item = json_object();
                json_object_set_new(item, "name", json_text(name));
                json_object_set(item, item_key, value);
                json_array_append_new(list, item);
        }
        return list;
}

static bool add_kind(size_t kind, json_t *given, json_t *document, struct error *err)
{
        const char *key = kinds[kind].list;
        json_t *value = json_object_get(given, key);

        if (!json_is_object(value) && !json_is_array(value))
                return error_set(err, ERROR_INVALID, "\"%s\" is missing", key);
        json_t *list =
                json_is_object(value) ? list_map(value, kinds[kind].item) : json_incref(value);
        json_object_set_new(document, key, list);
        return json_array_size(list) <= LIMIT_ITEMS ||
               error_set(err, ERROR_INVALID, "\"%s\" has more than %d items", key, LIMIT_ITEMS);
}

bool kubeconfig_decode(const char *body, size_t length, json_t **list, struct error *err)
{
        json_auto_t *given = NULL;
        json_auto_t *document = json_object();

        if (!json_parse_object(body, length, &given, err))
                return false;
        const char *current = json_text_at(given, "current-context");
        json_object_set_new(document, "apiVersion", json_string("v1"));
        json_object_set_new(document, "kind", json_string("Config"));
        for (size_t kind = 0; kind < ARRAY_LENGTH(kinds); kind++)
                if (!add_kind(kind, given, document, err))
                        return false;
        if (!current)
                return error_set(err, ERROR_INVALID, "\"current-context\" is missing");
        json_object_set_new(document, "current-context", json_text(current));
        *list = take(document);
        return true;
}

static const json_t *find_item(const json_t *list, const char *key, const char *name)
{
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(json_object_get(list, key), index, item)
        {
                const char *other = json_text_at(item, "name");
                if (name && other && strcmp(name, other) == 0)
                        return item;
        }
        return NULL;
}

const char *kubeconfig_token(const json_t *list)
{
        const char *current = json_text_at(list, "current-context");
        const json_t *context = find_item(list, "contexts", current);
        const json_t *user = find_item(list, "users", json_text_at(context, "context.user"));
        const char *token = json_text_at(user, "user.token");

        return token && *token ? token : NULL;
}
