#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/kubeconfig/stanza.h"
#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/known.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/shell_folder.h"
#include "kubectl-tka/remote/shell_rc.h"
#include "kubectl-tka/remote/shell_session.h"
#include "kubectl-tka/remote/sign_in.h"
#include "lib/child.h"
#include "lib/memory.h"
#include "lib/yaml.h"

#define DEFAULT_SHELL "/bin/sh"
#define NOT_FOUND_STATUS 127
#define NOT_EXECUTABLE_STATUS 126

struct shell_run {
        const struct config *config;
        struct sign_in in;
        struct shell_folder folder;
        const char *cache; /* in the private kubeconfig: in the folder, or nowhere */
        char *kubeconfig;  /* KUBECONFIG as it was, or NULL */
        sigset_t signals;
};

static void clear_run(struct shell_run *run)
{
        sign_in_clear(&run->in);
        shell_folder_clear(&run->folder);
        free(run->kubeconfig);
}

/* A session in a session would end the outer one's when it ends. */
static bool refuse_nesting(struct error *err)
{
        if (!directory_shell() || directory_shell_is_over())
                return true;
        error_set(err, ERROR_INVALID, "this is a shell of kubectl-tka already");
        return error_advise(err, "leave it with \"exit\" first");
}

/* Who wants tokens in the keyring alone, or nowhere, has them in no file here either. */
static const char *choose_cache(const char *wanted)
{
        bool strict = strcmp(wanted, "keyring") == 0 || strcmp(wanted, "none") == 0;

        return strict ? "none" : "runtime";
}

/* What ends with the shell; written down before a program of somebody else's runs. A session that
 * was there before is that of whoever began it, but for another shell, of which this may be the
 * last. */
static bool note_session(const struct shell_run *run, struct error *err)
{
        const struct cache_entry *entry = &run->in.entry;
        struct shell_session session = { .server = run->in.url,
                                         .cluster = run->in.cluster,
                                         .role = entry->granted_role,
                                         .until = token_session_end(entry) };

        if (!entry->granted_role || (entry->found && !shell_folder_is_used(&run->folder, &session)))
                return true;
        return shell_folder_note(&run->folder, &session, err);
}

/* Has the plugin work with the folder's own cache and marks. */
static void set_folder(const struct shell_run *run, json_t *kubeconfig)
{
        json_t *user = json_find_named(json_object_get(kubeconfig, "users"), run->in.context);
        json_t *variable = json_object();
        json_t *variables = json_array();

        json_set_text(variable, "name", DIRECTORY_SHELL_VARIABLE);
        json_set_text(variable, "value", run->folder.path);
        json_array_append_new(variables, variable);
        json_object_set_new(json_at(user, "user.exec"), "env", variables);
}

/* The plugin is this one, wherever PATH leads. */
static bool write_kubeconfig(const struct shell_run *run, struct error *err)
{
        struct config private = *run->config;
        scoped_free char *cache = xstrdup(run->cache);
        scoped_free char *command = exec_remote_beside("kubectl-tka");
        const struct stanza stanza = { .name = run->in.context,
                                       .cluster = &run->in.info,
                                       .key = sign_in_key(&run->in),
                                       .config = &private,
                                       .command = command };
        scoped(buf_clear) struct buf text = { 0 };

        private.cache = cache;
        json_auto_t *document = stanza_kubeconfig(&stanza);
        set_folder(run, document);
        yaml_print(document, &text);
        return shell_folder_write(&run->folder, "kubeconfig", &text, err);
}

/* So that the first kubectl need not ask again, `status` knows the session, and one that is not to
 * be renewed is not. */
static bool remember(struct shell_run *run, struct error *err)
{
        struct cache_key key = sign_in_key(&run->in);
        struct cache_wish wish = { 0 };
        struct cache_entry *entry = &run->in.entry;
        struct mark mark = { 0 };
        bool once = sign_in_is_once(&run->in, &mark);
        const char *place = NULL;

        if (!cache_mode_parse(run->cache, &wish.tiers))
                return error_set(err, ERROR_INTERNAL, "there is no cache \"%s\"", run->cache);
        return (!wish.tiers || cache_write(&wish, &key, entry, &place, err)) &&
               known_put(run->in.context, &key, entry->granted_role, err) &&
               (!once || mark_write(&key, &mark, err));
}

/* Everything that the child inherits. */
static void set_environment(const struct shell_run *run)
{
        scoped_free char *kubeconfig =
                xasprintf("%s/" DIRECTORY_SHELL_KUBECONFIG, run->folder.path);
        const char *role = run->in.role;
        scoped_free char *prompt =
                xasprintf("(tka %s%s%s) ", run->in.cluster, role[0] ? "/" : "", role);

        setenv(DIRECTORY_SHELL_VARIABLE, run->folder.path, 1);
        setenv("KUBECONFIG", kubeconfig, 1);
        setenv("TKA_CACHE", run->cache, 1);
        setenv(SHELL_RC_PROMPT_VARIABLE, prompt, 1);
}

/* A program's status is ours; what we have to say stands in err. */
static bool pass_status(int status, struct error *err)
{
        *err = (struct error){ .kind = ERROR_INTERNAL, .exit_status = status };
        return status == 0;
}

static bool run_child(const struct child *child, struct error *err)
{
        int status = 0;

        if (child_run(child, &status, err))
                return pass_status(status, err);
        err->exit_status = err->kind == ERROR_NOT_FOUND ? NOT_FOUND_STATUS : NOT_EXECUTABLE_STATUS;
        return false;
}

/* NULL ends the arguments. */
static bool run_shell(const struct shell_run *run, struct error *err)
{
        const char *shell = getenv("SHELL");
        scoped(text_list_clear) struct text_list words = { 0 };

        if (!shell_rc_prepare(&run->folder, shell && shell[0] ? shell : DEFAULT_SHELL, &words, err))
                return false;
        scoped_free char **argv = (char **)xcalloc(words.count + 1, sizeof(char *));
        for (size_t i = 0; i < words.count; i++)
                argv[i] = words.items[i];
        return run_child(&(struct child){ argv, &run->signals, .is_shell = true }, err);
}

/* A signal that came while we signed in ends it before it begins. */
static bool run_inside(const struct shell_run *run, char **program, struct error *err)
{
        int signal_number = child_take_signal();

        if (signal_number != 0)
                return pass_status(128 + signal_number, err);
        if (!program)
                return run_shell(run, err);
        return run_child(&(struct child){ program, &run->signals, .is_shell = false }, err);
}

static bool begin(struct shell_run *run, struct error *err)
{
        if (!shell_folder_make(&run->folder, err) || !sign_in_fetch(&run->in, err) ||
            !note_session(run, err))
                return false;
        set_environment(run);
        return write_kubeconfig(run, err) && remember(run, err);
}

/* The person's own kubeconfig, cache and marks are meant again. */
static void reset_environment(const struct shell_run *run)
{
        unsetenv(DIRECTORY_SHELL_VARIABLE);
        if (run->kubeconfig)
                setenv("KUBECONFIG", run->kubeconfig, 1);
        else
                unsetenv("KUBECONFIG");
}

static void end(const struct shell_run *run)
{
        struct error problem = { 0 };
        bool ended = false;

        reset_environment(run);
        if (!run->folder.path)
                return;
        if (!shell_session_end(&run->folder, run->config, &ended, &problem)) {
                error_wrap(&problem, "the session lives on");
                error_advise(&problem, "the next command of kubectl-tka tries again to end it");
                report_error(&problem);
        } else if (run->in.entry.expires && !run->config->quiet && isatty(STDERR_FILENO)) {
                fprintf(stderr, ended ? "Signed out of %s\n" : "%s: signed in as before\n",
                        run->in.cluster);
        }
}

/* program: NULL for the person's shell. */
static bool run_private(const struct config *config, char **program, struct error *err)
{
        scoped(clear_run) struct shell_run run = { .config = config,
                                                   .cache = choose_cache(config->cache),
                                                   .kubeconfig = xstrdup(getenv("KUBECONFIG")) };

        if (!refuse_nesting(err) || !sign_in_find(config, &run.in, err))
                return false;
        child_hold_signals(&run.signals);
        bool done = begin(&run, err) && run_inside(&run, program, err);
        end(&run);
        child_release_signals(&run.signals);
        return done;
}

bool cmd_shell(const struct config *config, struct error *err)
{
        return run_private(config, NULL, err);
}

bool cmd_exec(const struct config *config, struct error *err)
{
        if (config->notes.rest)
                return run_private(config, config->notes.rest, err);
        error_set(err, ERROR_INVALID, "no program is named");
        return error_advise(err, "usage: kubectl tka exec [CLUSTER] -- PROGRAM [ARGUMENTS]");
}
