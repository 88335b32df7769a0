#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/kubeconfig/kubeconfig_entry.h"
#include "kubectl-tka/local/failure.h"
#include "kubectl-tka/local/known.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/rules.h"
#include "kubectl-tka/remote/sign_in.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

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
        struct mark mark = { 0 };
        bool once = sign_in_is_once(&run->in, &mark);
        struct cache_wish wish = { .timeout_ms = KEYRING_MS };
        struct error problem = { 0 };

        if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
                wish = (struct cache_wish){ .may_unlock = true, .timeout_ms = UNLOCK_MS };
        if (!cache_mode_parse(config->cache, &wish.tiers))
                return error_set(err, ERROR_INVALID, "there is no cache \"%s\"", config->cache);
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

/* --stdout and --dry-run: what would be written, and where to, which only YAML has room for. */
static bool print_kubeconfig(const struct login_run *run, struct error *err)
{
        static const struct output_view view = { .name = "current-context" };
        enum output_format format = output_format_parse(run->config->output, OUTPUT_YAML);
        struct stanza stanza = stanza_of(run);
        json_auto_t *document = stanza_kubeconfig(&stanza);
        scoped(buf_clear) struct buf text = { 0 };

        if (format == OUTPUT_TABLE)
                format = OUTPUT_YAML;
        if (run->config->dry_run && format == OUTPUT_YAML) {
                scoped_free char *file = kubeconfig_entry_file(&run->in.files, &stanza);
                scoped_free char *plain = report_plain(file);
                buf_printf(&text, "# these would be put into %s\n", plain);
        }
        output_print(format, &view, document, &text);
        return output_write(&text, err);
}

/* A session that is there already is never shortened. */
static void warn_of_longer_session(const struct login_run *run)
{
        int64_t left = run->in.entry.until - run->in.entry.clock_offset - run->in.entry.fetched_at;

        if (run->config->for_seconds > 0 && left > run->config->for_seconds + 5)
                report_warning("there was a session already, and it lasts longer: to shorten it, "
                               "log out first");
}

static const struct output_column columns[] = {
        { "User",    "user",    OUTPUT_TEXT },
        { "Role",    "role",    OUTPUT_TEXT },
        { "Until",   "until",   OUTPUT_TIME },
        { "Token",   "cache",   OUTPUT_TEXT },
        { "Context", "context", OUTPUT_TEXT },
        { "File",    "file",    OUTPUT_TEXT },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "context" };

static json_t *describe(const struct login_run *run)
{
        const struct cache_entry *entry = &run->in.entry;
        char text[TIMESTAMP_TEXT_SIZE];
        json_t *document = json_object();

        json_set_text(document, "cluster", run->in.cluster);
        json_set_text(document, "server", run->in.url);
        json_set_text(document, "user", entry->login);
        json_set_text(document, "role", entry->granted_role);
        json_set_text(document, "until", timestamp_format(token_session_end(entry), text));
        json_set_text(document, "cache", run->place);
        json_set_text(document, "context", run->in.context);
        json_set_text(document, "file", run->file);
        json_object_set_new(document, "current", json_boolean(run->current));
        return document;
}

/* As a shell takes it for one word; a history expansion is none within quotes. */
static void add_word(struct buf *line, const char *word)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789@%+=:,./_-";
        scoped_free char *shown = report_plain(word);
        const char *at = shown;

        buf_add(line, " ");
        if (shown[0] && shown[strspn(shown, plain)] == '\0') {
                buf_add(line, shown);
                return;
        }
        buf_add(line, "'");
        for (size_t length = strcspn(at, "'"); at[length]; length = strcspn(at, "'")) {
                buf_printf(line, "%.*s'\\''", (int)length, at);
                at += length + 1;
        }
        buf_printf(line, "%s'", at);
}

static void print_next(const struct login_run *run, struct buf *text)
{
        buf_add(text, "\nNext: kubectl");
        if (run->config->kubeconfig) {
                buf_add(text, " --kubeconfig");
                add_word(text, run->config->kubeconfig);
        }
        if (!run->current) {
                buf_add(text, " --context");
                add_word(text, run->in.context);
        }
        buf_add(text, " get pods\n");
}

/* For people as they speak, and what to type next. */
static void print_result(const struct login_run *run, const json_t *document, struct buf *text)
{
        scoped_free char *cluster = report_plain(run->in.cluster);
        scoped(buf_clear) struct buf facts = { 0 };

        buf_printf(text, "Signed in to %s\n", cluster);
        output_print_facts(&view, document, output_now(), &facts);
        for (const char *line = buf_text(&facts); *line;) {
                size_t length = strcspn(line, "\n") + 1;
                buf_printf(text, "  %.*s", (int)length, line);
                line += length;
        }
        print_next(run, text);
}

static bool show_result(const struct login_run *run, struct error *err)
{
        enum output_format format = output_format_parse(run->config->output, OUTPUT_TABLE);
        json_auto_t *document = describe(run);
        scoped(buf_clear) struct buf text = { 0 };

        if (format != OUTPUT_TABLE)
                output_print(format, &view, document, &text);
        else if (!run->config->quiet)
                print_result(run, document, &text);
        return output_write(&text, err);
}

/* For status and completion; the login is none the worse without. */
static void note_context(const struct login_run *run)
{
        const struct cache_key key = sign_in_key(&run->in);
        struct error problem = { 0 };

        if (!known_put(run->in.context, &key, run->in.entry.granted_role, &problem))
                report_warning("status and completion will not know of this: %s", problem.text);
}

/* --debug: on stderr, also when the login is refused then. */
static void show_rules(struct login_run *run)
{
        json_auto_t *document = NULL;
        scoped(buf_clear) struct buf text = { 0 };
        struct error problem = { 0 };

        if (!rules_fetch(&run->in.server, &document, &problem)) {
                report_warning("%s", problem.text);
                return;
        }
        rules_print(document, STDERR_FILENO, &text);
        fprintf(stderr, "%s\n", buf_text(&text));
}

/* What went wrong came after the sign-in: the session is there all the same. */
static bool explain_session(const struct login_run *run, struct error *err)
{
        scoped(buf_clear) struct buf command = { 0 };

        buf_printf(&command, "%s logout", run->config->program);
        add_word(&command, run->in.context);
        return error_wrap(err,
                          "signed in to %s, but the login is not complete (repeat it, or end it by "
                          "\"%s\")",
                          run->in.cluster, buf_text(&command));
}

/* A session that has begun is known before anything else can go wrong: logout ends it. */
static bool begin_session(struct login_run *run, struct error *err)
{
        if (!sign_in_fetch(&run->in, err))
                return false;
        note_context(run);
        return remember(run, err) || explain_session(run, err);
}

/* The kubeconfig as it would be, or as it is by then. */
static bool deliver(struct login_run *run, struct error *err)
{
        const struct config *config = run->config;

        if (config->dry_run || config->to_stdout)
                return print_kubeconfig(run, err);
        if (!write_kubeconfig(run, err))
                return explain_session(run, err);
        if (run->in.info.insecure_skip_tls_verify)
                report_warning("%s: kubectl will not check who the API server is", run->in.cluster);
        warn_of_longer_session(run);
        return show_result(run, err);
}

bool cmd_login(const struct config *config, struct error *err)
{
        scoped(clear_run) struct login_run run = { .config = config };

        file_forbid_core_dumps();
        bool found = sign_in_find(config, &run.in, err);
        if (config->debug && run.in.server.connected)
                show_rules(&run);
        if (!found)
                return false;

        if (config->absolute)
                run.command = exec_remote_beside("kubectl-tka");
        struct stanza stanza = stanza_of(&run);
        if (!config->to_stdout && !kubeconfig_entry_check(&run.in.files, &stanza, err))
                return false;
        if (!config->dry_run && !begin_session(&run, err))
                return false;
        return deliver(&run, err);
}
