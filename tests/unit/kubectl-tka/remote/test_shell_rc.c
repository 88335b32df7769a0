#include "kubectl-tka/remote/shell_rc.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

/* A shell prepared in a private folder, in an environment of its own. */
struct prepared {
        struct shell_folder folder;
        struct text_list argv;
};

static void end(struct prepared *prepared)
{
        free(prepared->folder.path);
        text_list_clear(&prepared->argv);
}

static const char *word(const struct prepared *prepared, size_t index)
{
        return index < prepared->argv.count ? prepared->argv.items[index] : "";
}

static struct prepared prepare(const char *shell, const char *zsh_folder)
{
        struct prepared prepared = { .folder = { .path = xstrdup(folder_enter()) } };
        struct error err = { 0 };

        setenv(SHELL_RC_PROMPT_VARIABLE, "(tka prod) ", 1);
        unsetenv("PS1");
        unsetenv("TKA_ZDOTDIR");
        unsetenv("ZDOTDIR");
        if (zsh_folder)
                setenv("ZDOTDIR", zsh_folder, 1);
        assert_ok(shell_rc_prepare(&prepared.folder, shell, &prepared.argv, &err));
        assert_string_equal(word(&prepared, 0), shell);
        return prepared;
}

static void assert_file(const struct prepared *prepared, const char *name)
{
        scoped_free char *path = xasprintf("%s/%s", prepared->folder.path, name);

        assert_int_equal(access(path, R_OK), 0);
}

TEST(bash_reads_our_file_which_reads_the_persons)
{
        scoped(end) struct prepared bash = prepare("/usr/bin/bash", NULL);

        assert_int_equal(bash.argv.count, 3);
        assert_string_equal(word(&bash, 1), "--rcfile");
        assert_file(&bash, "bashrc");
        assert_null(getenv("PS1"));
}

TEST(zsh_finds_its_files_in_our_folder_and_the_persons_folder_again)
{
        scoped(end) struct prepared zsh = prepare("/bin/zsh", "/home/alice/zsh");

        assert_int_equal(zsh.argv.count, 1);
        assert_string_equal(getenv("ZDOTDIR"), zsh.folder.path);
        assert_string_equal(getenv("TKA_ZDOTDIR"), "/home/alice/zsh");
        assert_file(&zsh, ".zshenv");
        assert_file(&zsh, ".zshrc");
}

TEST(fish_reads_our_file_behind_its_own)
{
        scoped(end) struct prepared fish = prepare("/usr/bin/fish", NULL);

        assert_int_equal(fish.argv.count, 3);
        assert_string_equal(word(&fish, 1), "-C");
        assert_file(&fish, "config.fish");
}

TEST(other_shells_take_their_prompt_from_the_environment)
{
        scoped(end) struct prepared dash = prepare("/bin/dash", NULL);

        assert_int_equal(dash.argv.count, 1);
        assert_string_equal(getenv("PS1"), "(tka prod) $ ");
}
