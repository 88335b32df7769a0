#include "kubectl-tka/kubeconfig/splice.h"

#include <string.h>

#include "kubectl-tka/kubeconfig/layout.h"
#include "kubectl-tka/kubeconfig/stanza.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/yaml.h"

/* One list and what is to be in it. */
struct change {
        const char *list;
        const json_t *item;  /* NULL: none comes */
        const char *removed; /* its name; NULL: none goes */
};

static void list_changes(const struct splice *splice, struct change changes[3])
{
        changes[0] = (struct change){ "clusters", splice->cluster, splice->no_cluster };
        changes[1] = (struct change){ "contexts", splice->context, splice->no_context };
        changes[2] = (struct change){ "users", splice->user, splice->no_user };
}

static bool replace_item(json_t *list, const struct change *change, bool *replaced,
                         struct error *err)
{
        const char *name = json_text_at(change->item, "name");
        struct cache_key ignored;
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(list, index, item)
        {
                const char *other = json_text_at(item, "name");
                if (!other || strcmp(other, name) != 0)
                        continue;
                if (*replaced)
                        return error_set(err, ERROR_INVALID, "\"%s\" holds \"%s\" twice",
                                         change->list, name);
                if (!stanza_read_mark(item, &ignored))
                        return error_set(err, ERROR_CONFLICT,
                                         "\"%s\" holds a \"%s\" that login did not write",
                                         change->list, name);
                json_t *copy = json_deep_copy(change->item);
                stanza_keep(copy, item);
                json_array_set_new(list, index, copy);
                *replaced = true;
        }
        return true;
}

/* What reading the changed text has to give. */
static bool change_value(json_t *root, const struct change *change, struct error *err)
{
        json_t *list = json_object_get(root, change->list);
        bool replaced = false;

        if (!list || json_is_null(list)) {
                json_object_set_new(root, change->list, json_array());
                list = json_object_get(root, change->list);
        }
        if (!json_is_array(list))
                return error_set(err, ERROR_INVALID, "\"%s\" is no list", change->list);
        if (!replace_item(list, change, &replaced, err))
                return false;
        if (!replaced)
                json_array_append_new(list, json_deep_copy(change->item));
        return true;
}

/* A list of which nothing is left reads as null: so it is written, and so kubectl writes it. */
static void remove_value(json_t *root, const struct change *change)
{
        json_t *list = json_object_get(root, change->list);
        size_t count = json_array_size(list);
        struct cache_key ignored;

        for (size_t i = count; i > 0; i--) {
                const json_t *item = json_array_get(list, i - 1);
                const char *name = json_text_at(item, "name");
                if (name && strcmp(name, change->removed) == 0 && stanza_read_mark(item, &ignored))
                        json_array_remove(list, i - 1);
        }
        if (count > 0 && json_array_size(list) == 0)
                json_object_set_new(root, change->list, json_null());
}

static void change_current_context(json_t *root, const struct splice *splice)
{
        const char *current = json_text_at(root, "current-context");
        bool is_set = current && current[0];

        if (is_set && splice->no_context && strcmp(current, splice->no_context) == 0 &&
            !json_find_named(json_object_get(root, "contexts"), current))
                json_object_set_new(root, "current-context", json_string(""));
        if (splice->current_context && !(is_set && splice->keeps_current))
                json_object_set_new(root, "current-context", json_string(splice->current_context));
}

static bool change_all_values(json_t *root, const struct splice *splice, struct error *err)
{
        struct change changes[3];

        list_changes(splice, changes);
        if (json_object_size(root) == 0) {
                json_object_set_new(root, "apiVersion", json_string("v1"));
                json_object_set_new(root, "kind", json_string("Config"));
        }
        for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
                if (changes[i].removed)
                        remove_value(root, &changes[i]);
                if (changes[i].item && !change_value(root, &changes[i], err))
                        return false;
        }
        change_current_context(root, splice);
        return true;
}

static const json_t *find_item(const json_t *root, const struct change *change)
{
        return json_find_named(json_object_get(root, change->list),
                               json_text_at(change->item, "name"));
}

static bool is_same(const json_t *one, const json_t *other)
{
        return one == other || json_equal(one, other);
}

static bool change_list_text(const json_t *before, const json_t *after, const struct change *change,
                             struct buf *text)
{
        const json_t *list = json_object_get(before, change->list);
        bool changes = !is_same(list, json_object_get(after, change->list));

        if (changes && !layout_unfold_list(text, change->list, list))
                return false;
        if (change->removed && changes && !layout_remove_item(text, change->list, change->removed))
                return false;
        if (!change->item)
                return true;
        const json_t *item = find_item(after, change);
        const json_t *old = find_item(before, change);
        return is_same(old, item) || layout_put_item(text, change->list, item);
}

/* Makes text, which reads as before, read as after; false where its layout does not allow it. */
static bool change_text(const json_t *before, const json_t *after, const struct splice *splice,
                        struct buf *text)
{
        struct change changes[3];

        list_changes(splice, changes);
        if (json_object_size(before) == 0)
                layout_append(text, "apiVersion: v1\nkind: Config\n");
        for (size_t i = 0; i < ARRAY_LENGTH(changes); i++)
                if (!change_list_text(before, after, &changes[i], text))
                        return false;
        const json_t *old = json_object_get(before, "current-context");
        const json_t *current = json_object_get(after, "current-context");
        return is_same(old, current) || layout_put_value(text, "current-context", current);
}

bool splice_apply(const char *text, size_t length, const struct splice *splice, struct buf *result,
                  bool *rewritten, struct error *err)
{
        json_auto_t *root = NULL;
        scoped(buf_clear) struct buf changed = { 0 };

        if (!yaml_parse(text, length, &root, err))
                return false;
        if (!json_is_object(root))
                return error_set(err, ERROR_INVALID,
                                 "not a kubeconfig: the top level is no object");

        json_auto_t *before = json_deep_copy(root);
        if (!change_all_values(root, splice, err))
                return false;
        buf_append(&changed, text, length);
        bool kept = change_text(before, root, splice, &changed);
        if (!layout_settle(&changed, kept, root, rewritten, err))
                return false;
        buf_append(result, buf_text(&changed), changed.length);
        return true;
}
