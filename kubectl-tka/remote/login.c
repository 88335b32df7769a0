#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/failure.h"
#include "kubectl-tka/mark.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/sign_in.h"
#include "kubectl-tka/remote/stanza.h"
#include "kubectl-tka/report.h"
#include "lib/duration.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define KEYRING_MS 3000
#define UNLOCK_MS 60000 /* for a person who types a password */

struct login_run {
        const struct config *config;
        struct sign_in in;
        const char *file;  /* the kubeconfig that was written */
        const char *place; /* where the token lies, or NULL */
        bool current;      /* the context is the current one now */
};

static void clear_run(struct login_run *run)
{
        sign_in_clear(&run->in);
}

/* The API server and CA that the context of that name leads to are those of this login, perhaps
 * through another TKA server. */
static bool is_same_cluster(const struct login_run *run, const struct cache_key *key)
{
        size_t file = 0;
        const json_t *item =
                kubeconfig_files_find(&run->in.files, "clusters", run->in.context, &file);
        const char *url = json_text_at(item, "cluster.server");

        return strcmp(key->server, run->in.url) == 0 ||
               (strcmp(key->ca_hash, run->in.ca_hash) == 0 && url &&
                strcmp(url, run->in.info.server_url) == 0);
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
                        kubeconfig_files_find(&run->in.files, lists[i], run->in.context, file);
                if (!item)
                        continue;
                bool ours = stanza_read_mark(item, &key);
                if (!ours || !is_same_cluster(run, &key)) {
                        error_set(err, ERROR_CONFLICT, "%s: \"%s\" in \"%s\" is %s%s",
                                  run->in.files.paths.items[*file], run->in.context, lists[i],
                                  ours ? "for " : "not ours", ours ? key.server : "");
                        return error_advise(err, "choose another name with --context-name");
                }
                *exists = true;
        }
        return true;
}

/* The token into the cache; the marks of a logout or of an earlier login go. */
static bool remember(struct login_run *run, struct error *err)
{
        const struct config *config = run->config;
        struct cache_key key = sign_in_key(&run->in);
        bool once = config->for_seconds > 0 || config->reason;
        struct mark mark = { .once = true,
                             .until = run->in.entry.until ? run->in.entry.until
                                                          : run->in.entry.expires,
                             .period_seconds = run->in.entry.period_seconds };
        struct cache_wish wish = { .timeout_ms = KEYRING_MS };
        struct error problem = { 0 };

        if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
                wish = (struct cache_wish){ .may_unlock = true, .timeout_ms = UNLOCK_MS };
        if (!cache_mode_parse(config->cache, &wish.tiers))
                return error_set(err, ERROR_INVALID, "there is no cache \"%s\"", config->cache);
        if (once)
                run->in.entry.renewable = false;
        if (wish.tiers && !cache_write(&wish, &key, &run->in.entry, &run->place, &problem))
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

        json_array_foreach(run->in.files.documents, index, document)
        {
                const char *name = json_text_at(document, "current-context");
                if (name && name[0])
                        return run->in.files.paths.items[index];
        }
        return run->file;
}

static bool write_kubeconfig(struct login_run *run, struct error *err)
{
        const char *before = run->in.files.current_context;
        struct stanza stanza = { .name = run->in.context,
                                 .cluster = &run->in.info,
                                 .key = sign_in_key(&run->in),
                                 .config = run->config };
        json_auto_t *cluster = stanza_cluster(&stanza);
        json_auto_t *user = stanza_user(&stanza);
        json_auto_t *context = stanza_context(&stanza);
        struct splice splice = { .cluster = cluster, .user = user, .context = context };
        size_t file = 0;
        bool exists = false;

        if (!check_name_is_free(run, &file, &exists, err))
                return false;
        run->file = exists ? run->in.files.paths.items[file]
                           : kubeconfig_files_new_place(&run->in.files);
        run->current = run->config->use || !before || strcmp(before, run->in.context) == 0;

        const char *current_file = find_current_file(run);
        bool sets_current = run->current && (!before || strcmp(before, run->in.context) != 0);
        if (sets_current && strcmp(current_file, run->file) == 0)
                splice.current_context = run->in.context;
        if (!change_file(run->file, &splice, err))
                return false;
        if (!sets_current || splice.current_context)
                return true;
        return change_file(current_file, &(struct splice){ .current_context = run->in.context },
                           err);
}

/* A session that is there already is never shortened. */
static void warn_of_longer_session(const struct login_run *run)
{
        int64_t left = run->in.entry.until - run->in.entry.clock_offset - run->in.entry.fetched_at;

        if (run->config->for_seconds > 0 && left > run->config->for_seconds + 5)
                report_warning("there was a session already, and it lasts longer: to shorten it, "
                               "log out first");
}

static void print_result(const struct login_run *run)
{
        const struct cache_entry *entry = &run->in.entry;
        int64_t until = entry->until ? entry->until : entry->expires;
        int64_t left = until - entry->clock_offset - timestamp_now();
        char until_text[TIMESTAMP_TEXT_SIZE];
        char left_text[DURATION_TEXT_SIZE];
        scoped_free char *login = report_plain(entry->login ? entry->login : "(not said)");
        scoped_free char *role =
                report_plain(entry->granted_role ? entry->granted_role : "(not said)");

        printf("Signed in to %s\n", run->in.cluster);
        printf("  User:     %s\n", login);
        printf("  Role:     %s\n", role);
        printf("  Until:    %s (in %s)\n", timestamp_format(until, until_text),
               duration_format_seconds(left > 0 ? left : 0, left_text));
        if (run->place)
                printf("  Token:    in %s\n", run->place);
        printf("  Context:  %s (in %s)\n", run->in.context, run->file);
        if (run->current)
                printf("\nNext: kubectl get pods\n");
        else
                printf("\nNext: kubectl --context '%s' get pods\n", run->in.context);
}

bool cmd_login(const struct config *config, struct error *err)
{
        scoped(clear_run) struct login_run run = { .config = config };

        file_forbid_core_dumps();
        if (!sign_in_find(config, &run.in, err))
                return false;

        size_t file = 0;
        bool exists = false;
        if (!check_name_is_free(&run, &file, &exists, err) || !sign_in_fetch(&run.in, err) ||
            !remember(&run, err) || !write_kubeconfig(&run, err))
                return false;
        if (run.in.info.insecure_skip_tls_verify)
                report_warning("%s: kubectl will not check who the API server is", run.in.cluster);
        warn_of_longer_session(&run);
        if (!config->quiet)
                print_result(&run);
        return true;
}
