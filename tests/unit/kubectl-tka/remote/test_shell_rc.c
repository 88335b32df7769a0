#include "kubectl-tka/remote/shell_rc.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

/* A private folder, and an environment in which nothing is set. */
static struct shell_folder begin(void)
{
        setenv(SHELL_RC_PROMPT_VARIABLE, "(tka prod) ", 1);
        unsetenv("PS1");
        unsetenv("ZDOTDIR");
        unsetenv("TKA_ZDOTDIR");
        return (struct shell_folder){ .path = xstrdup(folder_enter()) };
}

static void prepare(const struct shell_folder *folder, const char *shell, struct text_list *argv)
{
        struct error err = { 0 };

        assert_ok(shell_rc_prepare(folder, shell, argv, &err));
        assert_string_equal(argv->items[0], shell);
}

static void assert_file(const struct shell_folder *folder, const char *name)
{
        scoped_free char *path = xasprintf("%s/%s", folder->path, name);

        assert_int_equal(access(path, R_OK), 0);
}

TEST(bash_reads_our_file_which_reads_the_persons)
{
        struct shell_folder folder = begin();
        scoped(text_list_clear) struct text_list argv = { 0 };

        prepare(&folder, "/usr/bin/bash", &argv);

        assert_int_equal(argv.count, 3);
        assert_string_equal(argv.items[1], "--rcfile");
        assert_file(&folder, "bashrc");
        assert_null(getenv("PS1"));
        free(folder.path);
}

TEST(zsh_finds_its_files_in_our_folder_and_the_persons_folder_again)
{
        struct shell_folder folder = begin();
        scoped(text_list_clear) struct text_list argv = { 0 };

        setenv("ZDOTDIR", "/home/alice/zsh", 1);
        prepare(&folder, "/bin/zsh", &argv);

        assert_int_equal(argv.count, 1);
        assert_string_equal(getenv("ZDOTDIR"), folder.path);
        assert_string_equal(getenv("TKA_ZDOTDIR"), "/home/alice/zsh");
        assert_file(&folder, ".zshenv");
        assert_file(&folder, ".zshrc");
        free(folder.path);
}

TEST(fish_reads_our_file_behind_its_own)
{
        struct shell_folder folder = begin();
        scoped(text_list_clear) struct text_list argv = { 0 };

        prepare(&folder, "/usr/bin/fish", &argv);

        assert_int_equal(argv.count, 3);
        assert_string_equal(argv.items[1], "-C");
        assert_file(&folder, "config.fish");
        free(folder.path);
}

TEST(other_shells_take_their_prompt_from_the_environment)
{
        struct shell_folder folder = begin();
        scoped(text_list_clear) struct text_list argv = { 0 };

        prepare(&folder, "/bin/dash", &argv);

        assert_int_equal(argv.count, 1);
        assert_string_equal(getenv("PS1"), "(tka prod) $ ");
        free(folder.path);
}
