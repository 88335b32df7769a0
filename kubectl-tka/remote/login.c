#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/failure.h"
#include "kubectl-tka/mark.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/kubeconfig_entry.h"
#include "kubectl-tka/remote/sign_in.h"
#include "kubectl-tka/report.h"
#include "lib/duration.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "lib/yaml.h"

#define KEYRING_MS 3000
#define UNLOCK_MS 60000 /* for a person who types a password */

struct login_run {
        const struct config *config;
        struct sign_in in;
        char *command; /* --absolute: what kubectl runs */
        struct kubeconfig_place written;
        const char *file;  /* the kubeconfig that was written */
        const char *place; /* where the token lies, or NULL */
        bool current;      /* the context is the current one now */
};

static void clear_run(struct login_run *run)
{
        sign_in_clear(&run->in);
        kubeconfig_place_clear(&run->written);
        free(run->command);
}

static struct stanza stanza_of(const struct login_run *run)
{
        return (struct stanza){ .name = run->in.context,
                                .cluster = &run->in.info,
                                .key = sign_in_key(&run->in),
                                .config = run->config,
                                .command = run->command };
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

static bool write_kubeconfig(struct login_run *run, struct error *err)
{
        struct stanza stanza = stanza_of(run);

        if (!kubeconfig_entry_write(&stanza, &run->written, err))
                return false;
        run->file = run->written.file;
        run->current = run->written.is_current;
        return true;
}

/* --stdout and --dry-run: what would be written, and where to. */
static void print_kubeconfig(const struct login_run *run)
{
        struct stanza stanza = stanza_of(run);
        json_auto_t *document = stanza_kubeconfig(&stanza);
        scoped(buf_clear) struct buf text = { 0 };

        if (run->config->dry_run) {
                scoped_free char *file = kubeconfig_entry_file(&run->in.files, &stanza);
                scoped_free char *plain = report_plain(file);
                printf("# these would be put into %s\n", plain);
        }
        yaml_print(document, &text);
        fputs(buf_text(&text), stdout);
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

        if (config->absolute)
                run.command = exec_remote_beside("kubectl-tka");
        struct stanza stanza = stanza_of(&run);
        if (!config->to_stdout && !kubeconfig_entry_check(&run.in.files, &stanza, err))
                return false;
        if (!config->dry_run && (!sign_in_fetch(&run.in, err) || !remember(&run, err)))
                return false;
        if (config->dry_run || config->to_stdout) {
                print_kubeconfig(&run);
                return true;
        }
        if (!write_kubeconfig(&run, err))
                return false;
        if (run.in.info.insecure_skip_tls_verify)
                report_warning("%s: kubectl will not check who the API server is", run.in.cluster);
        warn_of_longer_session(&run);
        if (!config->quiet)
                print_result(&run);
        return true;
}
