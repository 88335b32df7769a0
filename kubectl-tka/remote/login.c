#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/failure.h"
#include "kubectl-tka/mark.h"
#include "kubectl-tka/remote/ca_hash.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/kubeconfig_file.h"
#include "kubectl-tka/remote/session.h"
#include "kubectl-tka/remote/stanza.h"
#include "kubectl-tka/remote/target.h"
#include "kubectl-tka/report.h"
#include "lib/duration.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define DEADLINE_MS 30000
#define KEYRING_MS 3000
#define UNLOCK_MS 60000 /* for a person who types a password */
#define CLUSTER_INFO_PATH "/api/v1alpha1/cluster-info"
#define LIMIT_CLUSTER_NAME 253

struct login_run {
        const struct config *config;
        struct kubeconfig_files files;
        struct server server;
        struct cluster_info info;
        struct cache_entry entry;
        char *url, *cluster, *context;
        const char *role; /* "" when none was asked for */
        char ca_hash[CA_HASH_SIZE];
        const char *file;  /* the kubeconfig that was written */
        const char *place; /* where the token lies, or NULL */
        bool current;      /* the context is the current one now */
};

static void clear_run(struct login_run *run)
{
        cluster_info_clear(&run->info);
        cache_entry_clear(&run->entry);
        server_clear(&run->server);
        kubeconfig_files_clear(&run->files);
        free(run->url);
        free(run->cluster);
        free(run->context);
}

static struct cache_key key_of(const struct login_run *run)
{
        return (struct cache_key){ .server = run->url,
                                   .ca_hash = run->ca_hash,
                                   .cluster = run->cluster,
                                   .role = run->role };
}

/* What stands in the kubeconfig's arguments: no client may have to quote it. */
static bool check_plain(const char *what, const char *text, size_t limit, struct error *err)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789.-_:/@";
        size_t length = strlen(text);

        if (length > 0 && length <= limit && text[0] != '-' && strspn(text, allowed) == length)
                return true;
        return error_set(err, ERROR_INVALID, "\"%.100s\" cannot be the name of a %s", text, what);
}

/* "login prod" and "login" go where the last login to it went. */
static bool find_server(struct login_run *run, struct error *err)
{
        const struct config *config = run->config;
        const char *word = config->operands.count > 0 ? config->operands.items[0] : NULL;
        scoped(target_list_clear) struct target_list known = { 0 };
        scoped(target_list_clear) struct target_list selected = { 0 };
        const struct target *named = NULL;

        target_list_read(&run->files, &known);
        if (word && !strstr(word, "://")) {
                named = target_find(&known, word);
                target_list_select(&known, word, NULL, &selected);
        } else if (!word && !config->server && config_server_is_default(config) &&
                   !target_list_select_usual(&known, run->files.current_context, &selected, err)) {
                return false;
        }
        if (named && named->key.role[0] && !config->role)
                run->role = named->key.role;
        if (named && strcmp(run->role, named->key.role) == 0)
                run->context = xstrdup(named->context);
        return config_server_url(config, selected.count > 0 ? selected.items[0].key.server : word,
                                 &run->url, err);
}

static bool read_cluster_info(struct login_run *run, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        const char *host = strstr(run->url, "://") + 3;

        if (!server_get(&run->server, CLUSTER_INFO_PATH, &reply, err))
                return error_wrap(err, "asking %s for its cluster", run->url);
        if (!cluster_info_decode(buf_text(&reply.body), reply.body.length, &run->info, err) ||
            !ca_hash_of(run->info.ca_data, run->ca_hash, err))
                return error_wrap(err, "reading the answer of %s", run->url);
        if (strncmp(run->info.server_url, "https://", 8) != 0)
                return error_set(err, ERROR_INVALID,
                                 "the cluster's API server is \"%.200s\": kubectl sends no "
                                 "credentials but over https",
                                 run->info.server_url);
        run->cluster =
                run->info.name ? xstrdup(run->info.name) : xstrndup(host, strcspn(host, ".:"));
        return check_plain("cluster", run->cluster, LIMIT_CLUSTER_NAME, err);
}

static void name_context(struct login_run *run)
{
        if (run->config->context_name) {
                free(run->context);
                run->context = xstrdup(run->config->context_name);
        } else if (!run->context) {
                run->context =
                        xasprintf("%s%s%s", run->cluster, run->role[0] ? "!" : "", run->role);
        }
}

/* The API server and CA that the context of that name leads to are those of this login, perhaps
 * through another TKA server. */
static bool is_same_cluster(const struct login_run *run, const struct cache_key *key)
{
        size_t file = 0;
        const json_t *item = kubeconfig_files_find(&run->files, "clusters", run->context, &file);
        const char *url = json_text_at(item, "cluster.server");

        return strcmp(key->server, run->url) == 0 ||
               (strcmp(key->ca_hash, run->ca_hash) == 0 && url &&
                strcmp(url, run->info.server_url) == 0);
}

/* An entry of that name that is not ours, or that leads to another cluster, stays. */
static bool check_name_is_free(const struct login_run *run, size_t *file, bool *exists,
                               struct error *err)
{
        static const char *const lists[] = { "contexts", "clusters", "users" };
        struct cache_key key;

        *exists = false;
        for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
                const json_t *item =
                        kubeconfig_files_find(&run->files, lists[i], run->context, file);
                if (!item)
                        continue;
                bool ours = stanza_read_mark(item, &key);
                if (!ours || !is_same_cluster(run, &key)) {
                        error_set(err, ERROR_CONFLICT, "%s: \"%s\" in \"%s\" is %s%s",
                                  run->files.paths.items[*file], run->context, lists[i],
                                  ours ? "for " : "not ours", ours ? key.server : "");
                        return error_advise(err, "choose another name with --context-name");
                }
                *exists = true;
        }
        return true;
}

static bool fetch(struct login_run *run, struct error *err)
{
        const struct config *config = run->config;
        char period[DURATION_TEXT_SIZE];
        scoped(login_request_clear) struct login_request request = {
                .role = run->role[0] ? xstrdup(run->role) : NULL,
                .reason = xstrdup(config->reason),
        };

        if (config->for_seconds > 0)
                request.period = xstrdup(duration_format_seconds(config->for_seconds, period));
        return session_fetch(&run->server, &request, &run->entry, err);
}

/* The token into the cache; the marks of a logout or of an earlier login go. */
static bool remember(struct login_run *run, struct error *err)
{
        const struct config *config = run->config;
        struct cache_key key = key_of(run);
        bool once = config->for_seconds > 0 || config->reason;
        struct mark mark = { .once = true,
                             .until = run->entry.until ? run->entry.until : run->entry.expires,
                             .period_seconds = run->entry.period_seconds };
        struct cache_wish wish = { .timeout_ms = KEYRING_MS };
        struct error problem = { 0 };

        if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
                wish = (struct cache_wish){ .may_unlock = true, .timeout_ms = UNLOCK_MS };
        if (!cache_mode_parse(config->cache, &wish.tiers))
                return error_set(err, ERROR_INVALID, "there is no cache \"%s\"", config->cache);
        if (once)
                run->entry.renewable = false;
        if (wish.tiers && !cache_write(&wish, &key, &run->entry, &run->place, &problem))
                report_warning("the token is not kept: %s", problem.text);
        failure_forget(&key);
        return once ? mark_write(&key, &mark, err) : mark_remove(&key, err);
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

/* The current context stands in the first file that names one. */
static const char *find_current_file(const struct login_run *run)
{
        size_t index = 0;
        const json_t *document = NULL;

        json_array_foreach(run->files.documents, index, document)
        {
                const char *name = json_text_at(document, "current-context");
                if (name && name[0])
                        return run->files.paths.items[index];
        }
        return run->file;
}

static bool write_kubeconfig(struct login_run *run, struct error *err)
{
        const char *before = run->files.current_context;
        struct stanza stanza = { .name = run->context,
                                 .cluster = &run->info,
                                 .key = key_of(run),
                                 .config = run->config };
        json_auto_t *cluster = stanza_cluster(&stanza);
        json_auto_t *user = stanza_user(&stanza);
        json_auto_t *context = stanza_context(&stanza);
        struct splice splice = { .cluster = cluster, .user = user, .context = context };
        size_t file = 0;
        bool exists = false;

        if (!check_name_is_free(run, &file, &exists, err))
                return false;
        run->file = exists ? run->files.paths.items[file] : kubeconfig_files_new_place(&run->files);
        run->current = run->config->use || !before || strcmp(before, run->context) == 0;

        const char *current_file = find_current_file(run);
        bool sets_current = run->current && (!before || strcmp(before, run->context) != 0);
        if (sets_current && strcmp(current_file, run->file) == 0)
                splice.current_context = run->context;
        if (!change_file(run->file, &splice, err))
                return false;
        if (!sets_current || splice.current_context)
                return true;
        return change_file(current_file, &(struct splice){ .current_context = run->context }, err);
}

/* A session that is there already is never shortened. */
static void warn_of_longer_session(const struct login_run *run)
{
        int64_t left = run->entry.until - run->entry.clock_offset - run->entry.fetched_at;

        if (run->config->for_seconds > 0 && left > run->config->for_seconds + 5)
                report_warning("there was a session already, and it lasts longer: to shorten it, "
                               "log out first");
}

static void print_result(const struct login_run *run)
{
        const struct cache_entry *entry = &run->entry;
        int64_t until = entry->until ? entry->until : entry->expires;
        int64_t left = until - entry->clock_offset - timestamp_now();
        char until_text[TIMESTAMP_TEXT_SIZE];
        char left_text[DURATION_TEXT_SIZE];
        scoped_free char *login = report_plain(entry->login ? entry->login : "(not said)");
        scoped_free char *role =
                report_plain(entry->granted_role ? entry->granted_role : "(not said)");

        printf("Signed in to %s\n", run->cluster);
        printf("  User:     %s\n", login);
        printf("  Role:     %s\n", role);
        printf("  Until:    %s (in %s)\n", timestamp_format(until, until_text),
               duration_format_seconds(left > 0 ? left : 0, left_text));
        if (run->place)
                printf("  Token:    in %s\n", run->place);
        printf("  Context:  %s (in %s)\n", run->context, run->file);
        if (run->current)
                printf("\nNext: kubectl get pods\n");
        else
                printf("\nNext: kubectl --context '%s' get pods\n", run->context);
}

bool cmd_login(const struct config *config, struct error *err)
{
        scoped(clear_run) struct login_run run = { .config = config,
                                                   .role = config->role ? config->role : "" };

        file_forbid_core_dumps();
        if (config->role && !check_plain("role", config->role, LIMIT_ROLE, err))
                return false;
        if (!kubeconfig_files_read(config->kubeconfig, &run.files, err) || !find_server(&run, err))
                return false;
        server_init(&run.server, DEADLINE_MS);
        if (!server_connect(&run.server, config, run.url, err) || !read_cluster_info(&run, err))
                return false;
        name_context(&run);

        size_t file = 0;
        bool exists = false;
        if (!check_name_is_free(&run, &file, &exists, err) || !fetch(&run, err) ||
            !remember(&run, err) || !write_kubeconfig(&run, err))
                return false;
        if (run.info.insecure_skip_tls_verify)
                report_warning("%s: kubectl will not check who the API server is", run.cluster);
        warn_of_longer_session(&run);
        if (!config->quiet)
                print_result(&run);
        return true;
}
