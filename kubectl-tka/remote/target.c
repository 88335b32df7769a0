#include "kubectl-tka/remote/target.h"

#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/kubeconfig/stanza.h"
#include "kubectl-tka/local/cache.h"
#include "lib/memory.h"

void target_list_clear(struct target_list *list)
{
        free(list->items);
        *list = (struct target_list){ 0 };
}

void target_list_add(struct target_list *list, const struct target *target)
{
        list->items = xrealloc(list->items, (list->count + 1) * sizeof(list->items[0]));
        list->items[list->count++] = *target;
}

void target_list_add_once(struct target_list *list, const struct target *target)
{
        for (size_t i = 0; i < list->count; i++)
                if (cache_key_equals(&list->items[i].key, &target->key))
                        return;
        target_list_add(list, target);
}

void target_list_read(const struct kubeconfig_files *files, struct target_list *list)
{
        size_t document_index = 0;
        const json_t *document = NULL;

        json_array_foreach(files->documents, document_index, document)
        {
                size_t index = 0;
                const json_t *item = NULL;
                json_array_foreach(json_object_get(document, "contexts"), index, item)
                {
                        struct target target = { .context = json_text_at(item, "name") };
                        if (target.context && !target_find(list, target.context) &&
                            stanza_read_mark(item, &target.key))
                                target_list_add(list, &target);
                }
        }
}

void target_list_read_noted(const struct known_list *noted, struct target_list *list)
{
        for (size_t i = 0; i < noted->count; i++)
                target_list_add(list, &(struct target){ noted->items[i].context,
                                                        known_key(&noted->items[i]) });
}

const struct target *target_find(const struct target_list *list, const char *context)
{
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(list->items[i].context, context) == 0)
                        return &list->items[i];
        return NULL;
}

bool target_list_has(const struct target_list *list, const struct target *target)
{
        const struct target *found = target_find(list, target->context);

        return found && cache_key_equals(&found->key, &target->key);
}

static void select_cluster(const struct target_list *list, const char *cluster, const char *server,
                           struct target_list *selected)
{
        for (size_t i = 0; i < list->count; i++) {
                const struct cache_key *key = &list->items[i].key;
                if ((!cluster || strcmp(key->cluster, cluster) == 0) &&
                    (!server || strcmp(key->server, server) == 0))
                        target_list_add(selected, &list->items[i]);
        }
}

void target_list_select(const struct target_list *list, const char *word, const char *url,
                        struct target_list *selected)
{
        const struct target *named = target_find(list, word);

        /* A context named as its cluster stands for all of the cluster. */
        if (named && strcmp(named->key.cluster, named->context) == 0)
                select_cluster(list, named->key.cluster, named->key.server, selected);
        else if (named)
                target_list_add(selected, named);
        else
                select_cluster(list, word, NULL, selected);
        if (selected->count == 0 && url)
                select_cluster(list, NULL, url, selected);
}

static bool refuse_to_guess(const struct target *one, const struct target *other, struct error *err)
{
        return error_set(err, ERROR_INVALID, "which cluster? \"%s\", \"%s\", ...: name one",
                         one->context, other->context);
}

bool target_list_select_server(const struct target_list *list, const char *word,
                               struct target_list *selected, struct error *err)
{
        target_list_select(list, word, NULL, selected);
        for (size_t i = 1; i < selected->count; i++)
                if (strcmp(selected->items[i].key.server, selected->items[0].key.server) != 0)
                        return refuse_to_guess(&selected->items[0], &selected->items[i], err);
        return true;
}

const char *target_list_role(const struct target_list *selected, const char *word)
{
        const struct target *named = word ? target_find(selected, word) : NULL;

        return named && named->key.role[0] && strcmp(word, named->key.cluster) != 0
                       ? named->key.role
                       : NULL;
}

/* "--cache" and the word behind it, or "--cache=MODE"; the last one counts. */
static const char *find_cache_mode(const json_t *args)
{
        static const char flag[] = "--cache";
        const size_t length = sizeof(flag) - 1;
        const char *mode = NULL;
        size_t index = 0;
        const json_t *arg = NULL;

        json_array_foreach(args, index, arg)
        {
                const char *word = json_string_value(arg);
                if (!word || strncmp(word, flag, length) != 0)
                        continue;
                if (word[length] == '=')
                        mode = word + length + 1;
                else if (word[length] == '\0')
                        mode = json_string_value(json_array_get(args, index + 1));
        }
        return mode;
}

bool target_cache(const struct kubeconfig_files *files, const struct target *target,
                  unsigned *tiers)
{
        size_t file = 0;
        const json_t *context = kubeconfig_files_find(files, "contexts", target->context, &file);
        const char *name = json_text_at(context, "context.user");
        const json_t *user = name ? kubeconfig_files_find(files, "users", name, &file) : NULL;
        const char *mode = find_cache_mode(json_at(user, "user.exec.args"));

        return mode && cache_mode_parse(mode, tiers);
}

bool target_list_select_usual(const struct target_list *list, const char *current_context,
                              struct target_list *selected, struct error *err)
{
        const struct target *usual = current_context ? target_find(list, current_context) : NULL;

        if (!usual && list->count == 0)
                return true;
        if (!usual) {
                usual = &list->items[0];
                for (size_t i = 1; i < list->count; i++)
                        if (strcmp(list->items[i].key.cluster, usual->key.cluster) != 0 ||
                            strcmp(list->items[i].key.server, usual->key.server) != 0)
                                return refuse_to_guess(usual, &list->items[i], err);
        }
        select_cluster(list, usual->key.cluster, usual->key.server, selected);
        return true;
}
