#include "kubectl-tka/remote/shell_folder.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

/* Folders are made below an empty runtime directory. */
static void begin(void)
{
        setenv("XDG_RUNTIME_DIR", folder_enter(), 1);
        unsetenv("TKA_SHELL");
}

static struct shell_session session_of(const char *role)
{
        return (struct shell_session){ .server = xstrdup("http://tka:8123"),
                                       .cluster = xstrdup("prod"),
                                       .role = xstrdup(role),
                                       .until = 2000000000 };
}

static void make(struct shell_folder *folder, const char *role)
{
        scoped(shell_session_clear) struct shell_session session = session_of(role);
        struct error err = { 0 };

        assert_ok(shell_folder_make(folder, &err));
        assert_ok(shell_folder_note(folder, &session, &err));
}

/* As after SIGKILL: the lock is given back, the folder stays. */
static void make_dead(const char *role)
{
        struct shell_folder folder = { 0 };

        make(&folder, role);
        shell_folder_clear(&folder);
}

TEST(a_folder_is_private_and_its_session_can_be_read_again)
{
        scoped(shell_folder_clear) struct shell_folder folder = { 0 };
        scoped(shell_session_clear) struct shell_session session = { 0 };
        struct stat found = { 0 };

        begin();
        make(&folder, "view");

        assert_int_equal(stat(folder.path, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0700);
        assert_true(shell_folder_session(&folder, &session));
        assert_string_equal(session.server, "http://tka:8123");
        assert_string_equal(session.role, "view");
        assert_int_equal(session.until, 2000000000);
}

TEST(a_living_shell_is_not_taken_for_a_dead_one)
{
        scoped(shell_folder_clear) struct shell_folder folder = { 0 };
        scoped(shell_folder_clear) struct shell_folder dead = { 0 };

        begin();
        make(&folder, "view");

        assert_false(shell_folder_find_dead(0, &dead));
        assert_null(dead.path);
}

TEST(a_killed_shell_is_found_once_by_one)
{
        scoped(shell_folder_clear) struct shell_folder first = { 0 };
        scoped(shell_folder_clear) struct shell_folder second = { 0 };
        scoped(shell_session_clear) struct shell_session session = { 0 };

        begin();
        make_dead("edit");

        assert_true(shell_folder_find_dead(0, &first));
        assert_true(shell_folder_session(&first, &session));
        assert_string_equal(session.role, "edit");
        assert_false(shell_folder_find_dead(0, &second));
}

TEST(one_that_cannot_be_dealt_with_is_passed_over)
{
        scoped(shell_folder_clear) struct shell_folder folder = { 0 };

        begin();
        make_dead("edit");
        make_dead("view");

        assert_true(shell_folder_find_dead(1, &folder));
        shell_folder_clear(&folder);
        assert_false(shell_folder_find_dead(2, &folder));
}

TEST(only_another_living_shell_of_the_same_role_uses_the_session)
{
        scoped(shell_folder_clear) struct shell_folder own = { 0 };
        scoped(shell_folder_clear) struct shell_folder other = { 0 };
        scoped(shell_session_clear) struct shell_session session = session_of("view");

        begin();
        make(&own, "view");
        make_dead("view");
        assert_false(shell_folder_is_used(&own, &session));

        make(&other, "edit");
        assert_false(shell_folder_is_used(&own, &session));

        shell_folder_clear(&other);
        make(&other, "view");
        assert_true(shell_folder_is_used(&own, &session));
}

TEST(stripped_it_keeps_the_note_alone_and_removed_nothing)
{
        scoped(shell_folder_clear) struct shell_folder folder = { 0 };
        scoped(shell_session_clear) struct shell_session session = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        begin();
        make(&folder, "view");
        scoped_free char *inner = xasprintf("%s/run", folder.path);
        scoped_free char *file = xasprintf("%s/kubeconfig", folder.path);
        assert_int_equal(mkdir(inner, 0700), 0);
        assert_ok(shell_folder_write(&folder, "run/token", &text, &err));
        assert_ok(shell_folder_write(&folder, "kubeconfig", &text, &err));

        shell_folder_strip(&folder);
        assert_int_not_equal(access(inner, F_OK), 0);
        assert_int_not_equal(access(file, F_OK), 0);
        assert_true(shell_folder_session(&folder, &session));

        shell_folder_remove(&folder);
        assert_int_not_equal(access(folder.path, F_OK), 0);
}
