#include "kubectl-tka/remote/shell_rc.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

/* Constants alone: the folder and the prompt are in the environment, so nothing has to be quoted.
 * Each reads the person's own file first, and then sets again what that may have changed. */

static const char bash_rc[] =
        "[[ -r ~/.bashrc ]] && . ~/.bashrc\n"
        "export KUBECONFIG=$TKA_SHELL/kubeconfig\n"
        "__tka_prompt() {\n"
        "    local status=$?\n"
        "    [[ $PS1 == \"$TKA_PROMPT\"* ]] || PS1=$TKA_PROMPT$PS1\n"
        "    return $status\n"
        "}\n"
        "if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then\n"
        "    PROMPT_COMMAND+=(__tka_prompt)\n"
        "else\n"
        "    PROMPT_COMMAND=\"${PROMPT_COMMAND:+$PROMPT_COMMAND\"$'\\n'\"}__tka_prompt\"\n"
        "fi\n";

static const char zsh_env[] = "ZDOTDIR=${TKA_ZDOTDIR:-$HOME}\n"
                              "[[ -r $ZDOTDIR/.zshenv ]] && . \"$ZDOTDIR/.zshenv\"\n"
                              "TKA_ZDOTDIR=$ZDOTDIR\n"
                              "ZDOTDIR=$TKA_SHELL\n";

static const char zsh_rc[] =
        "[[ ${HISTFILE-} == $TKA_SHELL/* ]] && HISTFILE=$TKA_ZDOTDIR/${HISTFILE:t}\n"
        "ZDOTDIR=$TKA_ZDOTDIR\n"
        "[[ $ZDOTDIR == $HOME ]] && unset ZDOTDIR\n"
        "unset TKA_ZDOTDIR\n"
        "[[ -r ${ZDOTDIR:-$HOME}/.zshrc ]] && . \"${ZDOTDIR:-$HOME}/.zshrc\"\n"
        "export KUBECONFIG=$TKA_SHELL/kubeconfig\n"
        "__tka_prompt() {\n"
        "    [[ $PROMPT == \"$TKA_PROMPT\"* ]] || PROMPT=$TKA_PROMPT$PROMPT\n"
        "}\n"
        "typeset -ga precmd_functions\n"
        "precmd_functions+=(__tka_prompt)\n";

static const char fish_rc[] = "set -gx KUBECONFIG $TKA_SHELL/kubeconfig\n"
                              "functions -q fish_prompt\n"
                              "and functions -c fish_prompt __tka_own_prompt\n"
                              "function __tka_status\n"
                              "    return $argv[1]\n"
                              "end\n"
                              "function fish_prompt\n"
                              "    set -l last $status\n"
                              "    echo -n $TKA_PROMPT\n"
                              "    if functions -q __tka_own_prompt\n"
                              "        __tka_status $last\n"
                              "        __tka_own_prompt\n"
                              "    end\n"
                              "end\n";

struct shell_kind {
        const char *name;
        struct {
                const char *name, *text;
        } files[2];
        const char *flag;       /* before what follows, or NULL */
        const char *file;       /* in the folder, or NULL */
        const char *expression; /* or NULL */
};

static const struct shell_kind kinds[] = {
        { "bash", { { "bashrc", bash_rc } },                        "--rcfile", "bashrc", NULL                            },
        { "zsh",  { { ".zshenv", zsh_env }, { ".zshrc", zsh_rc } }, NULL,       NULL,     NULL                            },
        { "fish", { { "config.fish", fish_rc } },                   "-C",       NULL,     "source $TKA_SHELL/config.fish" },
};

static const struct shell_kind *find_kind(const char *shell)
{
        for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
                if (strcmp(basename(shell), kinds[i].name) == 0)
                        return &kinds[i];
        return NULL;
}

/* Shells of the POSIX family take their prompt from the environment. */
static void set_plain_prompt(void)
{
        const char *prompt = getenv(SHELL_RC_PROMPT_VARIABLE);
        const char *before = getenv("PS1");
        scoped_free char *changed = xasprintf("%s%s", prompt, before ? before : "$ ");

        setenv("PS1", changed, 1);
}

static void set_zsh_folder(const struct shell_folder *folder)
{
        const char *before = getenv("ZDOTDIR");

        if (before && before[0])
                setenv("TKA_ZDOTDIR", before, 1);
        setenv("ZDOTDIR", folder->path, 1);
}

static bool write_files(const struct shell_folder *folder, const struct shell_kind *kind,
                        struct error *err)
{
        for (size_t i = 0; i < ARRAY_LENGTH(kind->files) && kind->files[i].name; i++) {
                scoped(buf_clear) struct buf text = { 0 };
                buf_add(&text, kind->files[i].text);
                if (!shell_folder_write(folder, kind->files[i].name, &text, err))
                        return false;
        }
        return true;
}

bool shell_rc_prepare(const struct shell_folder *folder, const char *shell, struct text_list *argv,
                      struct error *err)
{
        const struct shell_kind *kind = find_kind(shell);

        text_list_add(argv, shell);
        if (!kind) {
                set_plain_prompt();
                return true;
        }
        if (!write_files(folder, kind, err))
                return false;
        if (strcmp(kind->name, "zsh") == 0)
                set_zsh_folder(folder);
        if (kind->flag)
                text_list_add(argv, kind->flag);
        if (kind->file) {
                scoped_free char *path = xasprintf("%s/%s", folder->path, kind->file);
                text_list_add(argv, path);
        }
        if (kind->expression)
                text_list_add(argv, kind->expression);
        return true;
}
