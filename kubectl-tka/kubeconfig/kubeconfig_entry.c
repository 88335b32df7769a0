#include "kubectl-tka/kubeconfig/kubeconfig_entry.h"

#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/local/report.h"
#include "lib/memory.h"

static const char *const lists[] = { "contexts", "clusters", "users" };

void kubeconfig_place_clear(struct kubeconfig_place *place)
{
        free(take(place->file));
}

/* The API server and CA that the cluster of that name leads to are those of this login, perhaps
 * through another TKA server. */
static bool is_same_cluster(const struct kubeconfig_files *files, const struct stanza *stanza,
                            const struct cache_key *key)
{
        size_t file = 0;
        const json_t *item = kubeconfig_files_find(files, "clusters", stanza->name, &file);
        const char *url = json_text_at(item, "cluster.server");

        return strcmp(key->server, stanza->key.server) == 0 ||
               (strcmp(key->ca_hash, stanza->key.ca_hash) == 0 && url &&
                strcmp(url, stanza->cluster->server_url) == 0);
}

static bool refuse(const char *file, const char *name, const char *list, const char *server,
                   struct error *err)
{
        error_set(err, ERROR_CONFLICT, "%s: \"%s\" in \"%s\" is %s%s", file, name, list,
                  server ? "for " : "not ours", server ? server : "");
        return error_advise(err, "choose another name with --context-name");
}

bool kubeconfig_entry_check(const struct kubeconfig_files *files, const struct stanza *stanza,
                            struct error *err)
{
        for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
                size_t file = 0;
                struct cache_key key = { 0 };
                const json_t *item = kubeconfig_files_find(files, lists[i], stanza->name, &file);
                if (item &&
                    (!stanza_read_mark(item, &key) || !is_same_cluster(files, stanza, &key)))
                        return refuse(files->paths.items[file], stanza->name, lists[i], key.server,
                                      err);
        }
        return true;
}

static const char *find_file(const struct kubeconfig_files *files, const struct stanza *stanza)
{
        size_t file = 0;

        for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
                if (kubeconfig_files_find(files, lists[i], stanza->name, &file))
                        return files->paths.items[file];
        return kubeconfig_files_new_place(files);
}

char *kubeconfig_entry_file(const struct kubeconfig_files *files, const struct stanza *stanza)
{
        return xstrdup(find_file(files, stanza));
}

static bool change_file(const char *path, const struct splice *splice, struct error *err)
{
        bool rewritten = false;

        if (!kubeconfig_file_change(path, splice, &rewritten, err))
                return false;
        if (rewritten)
                report_warning("%s was written anew: its comments and layout could not be kept",
                               path);
        return true;
}

/* The current context stands in the first file that names one, else where the new entry goes. */
static const char *find_current_file(const struct kubeconfig_files *files, const char *otherwise)
{
        size_t index = 0;
        const json_t *document = NULL;

        json_array_foreach(files->documents, index, document)
        {
                const char *name = json_text_at(document, "current-context");
                if (name && name[0])
                        return files->paths.items[index];
        }
        return otherwise;
}

static bool put_entry(const struct kubeconfig_files *files, const struct stanza *stanza,
                      const char *path, struct error *err)
{
        json_auto_t *cluster = stanza_cluster(stanza);
        json_auto_t *user = stanza_user(stanza);
        json_auto_t *context = stanza_context(stanza);
        struct splice splice = { .cluster = cluster, .user = user, .context = context };
        struct splice current = { .current_context = stanza->name,
                                  .keeps_current = !stanza->config->use };
        const char *before = files->current_context;
        const char *current_path = find_current_file(files, path);
        bool same_file = strcmp(current_path, path) == 0;

        if (same_file) {
                splice.current_context = current.current_context;
                splice.keeps_current = current.keeps_current;
        }
        if (!change_file(path, &splice, err))
                return false;
        if (same_file || current.keeps_current || (before && strcmp(before, stanza->name) == 0))
                return true;
        return change_file(current_path, &current, err);
}

static bool is_current(const struct stanza *stanza)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        struct error ignored = { 0 };

        return kubeconfig_files_read(stanza->config->kubeconfig, &files, &ignored) &&
               files.current_context && strcmp(files.current_context, stanza->name) == 0;
}

bool kubeconfig_entry_write(const struct stanza *stanza, struct kubeconfig_place *place,
                            struct error *err)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };

        if (!kubeconfig_files_read(stanza->config->kubeconfig, &files, err) ||
            !kubeconfig_entry_check(&files, stanza, err))
                return false;

        scoped_free char *path = kubeconfig_entry_file(&files, stanza);
        if (!put_entry(&files, stanza, path, err))
                return false;
        kubeconfig_place_clear(place);
        *place = (struct kubeconfig_place){ .file = take(path), .is_current = is_current(stanza) };
        return true;
}

/* Whether another context than that one leads to it. */
static bool is_shared(const struct kubeconfig_files *files, const char *member, const char *name,
                      const char *context)
{
        size_t file = 0;
        const json_t *document = NULL;

        json_array_foreach(files->documents, file, document)
        {
                size_t index = 0;
                const json_t *item = NULL;
                json_array_foreach(json_object_get(document, "contexts"), index, item)
                {
                        const char *own = json_text_at(item, "name");
                        const char *target = json_text_at(item, member);
                        if (own && target && strcmp(own, context) != 0 && strcmp(target, name) == 0)
                                return true;
                }
        }
        return false;
}

/* The name, where the first of that name stands in that file. */
static const char *name_in(const struct kubeconfig_files *files, const char *list, const char *name,
                           size_t file)
{
        size_t found = 0;

        return name && kubeconfig_files_find(files, list, name, &found) && found == file ? name
                                                                                         : NULL;
}

bool kubeconfig_entry_remove(const struct kubeconfig_files *files, const char *context,
                             struct error *err)
{
        size_t file = 0;
        const json_t *item = kubeconfig_files_find(files, "contexts", context, &file);
        const char *cluster = json_text_at(item, "context.cluster");
        const char *user = json_text_at(item, "context.user");

        if (cluster && is_shared(files, "context.cluster", cluster, context))
                cluster = NULL;
        if (user && is_shared(files, "context.user", user, context))
                user = NULL;
        for (file = 0; file < files->paths.count; file++) {
                const struct splice splice = {
                        .no_cluster = name_in(files, "clusters", cluster, file),
                        .no_user = name_in(files, "users", user, file),
                        .no_context = context,
                };
                const char *current =
                        json_text_at(json_array_get(files->documents, file), "current-context");
                bool concerns = splice.no_cluster || splice.no_user ||
                                name_in(files, "contexts", context, file) ||
                                (current && strcmp(current, context) == 0);
                if (concerns && !change_file(files->paths.items[file], &splice, err))
                        return false;
        }
        return true;
}
