#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kubectl-tka/kubeconfig/kubeconfig_file.h"
#include "kubectl-tka/kubeconfig/kubeconfig_lock.h"
#include "lib/file.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

/* A folder of the test's own, and the process in it. */
static void enter_folder(void)
{
        const char *name = folder_enter();

        assert_int_equal(chdir(name), 0);
        assert_int_equal(setenv("HOME", name, 1), 0);
        assert_int_equal(unsetenv("KUBECONFIG"), 0);
}

static void write_text(const char *path, mode_t mode, const char *text)
{
        struct error err = { 0 };

        assert_ok(file_write(path, mode, text, strlen(text), &err));
}

static void assert_holds(const char *path, const char *words)
{
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        buf_init(&text, 100000);
        assert_ok(file_read(path, &text, &err));
        assert_non_null(strstr(text.text, words));
}

static void assert_mode(const char *path, mode_t mode)
{
        struct stat found;

        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_mode & 07777, mode);
}

static const struct splice use_x = { .current_context = "x" };

TEST(writes_a_new_file_and_its_folder_for_the_owner_alone)
{
        struct error err = { 0 };
        bool rewritten = false;

        enter_folder();
        assert_ok(kubeconfig_file_change("new/dir/config", &use_x, &rewritten, &err));
        assert_holds("new/dir/config", "current-context: x\n");
        assert_mode("new/dir/config", 0600);
        assert_mode("new/dir", 0700);
        assert_int_equal(access("new/dir/config.lock", F_OK), -1);
}

TEST(keeps_the_mode_and_the_link)
{
        struct error err = { 0 };
        bool rewritten = false;
        struct stat found;

        enter_folder();
        write_text("real", 0640, "kind: Config\n");
        assert_int_equal(symlink("real", "link"), 0);
        assert_ok(kubeconfig_file_change("link", &use_x, &rewritten, &err));
        assert_int_equal(lstat("link", &found), 0);
        assert_true(S_ISLNK(found.st_mode));
        assert_holds("real", "kind: Config\ncurrent-context: x\n");
        assert_mode("real", 0640);
}

TEST(leaves_the_file_alone_when_nothing_changes)
{
        struct error err = { 0 };
        bool rewritten = false;
        struct stat before;
        struct stat after;

        enter_folder();
        write_text("config", 0600, "current-context: x\n");
        assert_int_equal(stat("config", &before), 0);
        assert_ok(kubeconfig_file_change("config", &use_x, &rewritten, &err));
        assert_int_equal(stat("config", &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
}

TEST(names_the_lock_that_stays_too_long)
{
        struct error err = { 0 };
        bool rewritten = false;

        enter_folder();
        write_text("config", 0600, "kind: Config\n");
        write_text("config.lock", 0600, "");
        assert_fails(kubeconfig_file_change("config", &use_x, &rewritten, &err), ERROR_CONFLICT,
                     "\"config.lock\" has been there since 20");
        assert_non_null(strstr(err.advice, "remove"));
        assert_holds("config", "kind: Config\n");
        assert_int_equal(access("config.lock", F_OK), 0);
}

TEST(lets_signals_wait_while_it_holds_the_lock)
{
        struct kubeconfig_lock lock = { 0 };
        struct error err = { 0 };
        sigset_t pending;

        enter_folder();
        signal(SIGHUP, SIG_IGN);
        assert_ok(kubeconfig_lock_take("config", &lock, &err));
        signal(SIGHUP, SIG_DFL);
        assert_int_equal(raise(SIGHUP), 0);
        sigpending(&pending);
        assert_true(sigismember(&pending, SIGHUP));
        signal(SIGHUP, SIG_IGN);
        kubeconfig_lock_release(&lock);
        assert_int_equal(access("config.lock", F_OK), -1);
        signal(SIGHUP, SIG_DFL);
}

TEST(who_waits_for_the_lock_of_another_can_be_interrupted)
{
        struct kubeconfig_lock lock = { 0 };
        struct error err = { 0 };
        int status = 0;

        enter_folder();
        write_text("config.lock", 0600, "");
        int64_t started_ms = loop_now_ms();
        pid_t child = fork();
        if (child == 0) {
                signal(SIGINT, SIG_DFL);
                _exit(kubeconfig_lock_take("config", &lock, &err) ? 1 : 2);
        }
        usleep(200000);
        assert_int_equal(kill(child, SIGINT), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_true(loop_now_ms() - started_ms < 4900); /* and not when the lock counts as left */
        assert_int_equal(access("config.lock", F_OK), 0);
}

TEST(quotes_the_file_that_cannot_be_read)
{
        struct kubeconfig_files files = { 0 };
        struct error err = { 0 };

        enter_folder();
        write_text("bad", 0600, "a: [\n");
        assert_fails(kubeconfig_files_read("bad", &files, &err), ERROR_INVALID, "bad: line ");
        assert_null(files.documents);
}

TEST(chooses_files_as_kubectl_does)
{
        static const struct {
                const char *variable, *new_place;
                size_t count;
        } rows[] = {
                { "",                   "/.kube/config", 1 },
                { ":",                  "/.kube/config", 1 },
                { "none",               "none",          1 },
                { "none:there",         "there",         2 },
                { "none:gone",          "gone",          2 },
                { ":there::none:there", "there",         2 },
                { "there:none",         "there",         2 },
        };
        struct error err = { 0 };

        enter_folder();
        write_text("there", 0600, "");
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
                assert_int_equal(setenv("KUBECONFIG", rows[i].variable, 1), 0);
                assert_ok(kubeconfig_files_read(NULL, &files, &err));
                assert_int_equal(files.paths.count, rows[i].count);
                const char *place = kubeconfig_files_new_place(&files);
                assert_string_equal(place + strlen(place) - strlen(rows[i].new_place),
                                    rows[i].new_place);
        }
}

TEST(lets_the_first_file_define_a_name_and_the_current_context)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        struct error err = { 0 };
        size_t file = 9;

        enter_folder();
        write_text("a", 0600, "current-context: ''\nusers:\n- name: x\n  user: {token: first}\n");
        write_text("b", 0600, "current-context: x\nusers:\n- name: x\n  user: {token: second}\n");
        assert_int_equal(setenv("KUBECONFIG", "a:b", 1), 0);
        assert_ok(kubeconfig_files_read(NULL, &files, &err));
        assert_string_equal(files.current_context, "x");
        const json_t *item = kubeconfig_files_find(&files, "users", "x", &file);
        assert_int_equal(file, 0);
        assert_string_equal(json_text_at(item, "user.token"), "first");
        assert_null(kubeconfig_files_find(&files, "clusters", "x", &file));
}

TEST(reads_past_a_lock_that_a_crash_left_behind)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        struct error err = { 0 };

        enter_folder();
        write_text("config", 0600, "current-context: x\n");
        write_text("config.lock", 0600, "");
        assert_ok(kubeconfig_files_read("config", &files, &err));
        assert_string_equal(files.current_context, "x");
}

/* As kubectl writes: under the lock, and empty for a while. */
static pid_t start_slow_writer(void)
{
        pid_t child = 0;

        write_text("config.lock", 0600, "");
        child = fork();
        if (child != 0)
                return child;
        int fd = open("config", O_WRONLY | O_TRUNC);
        usleep(200000);
        bool written = write(fd, "current-context: x\n", 19) == 19;
        usleep(50000);
        unlink("config.lock");
        _exit(written ? 0 : 1);
}

TEST(never_reads_a_file_that_kubectl_has_half_written)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        struct error err = { 0 };
        int status = 1;

        enter_folder();
        write_text("config", 0600, "current-context: old\n");
        pid_t writer = start_slow_writer();
        usleep(50000);
        assert_ok(kubeconfig_files_read("config", &files, &err));
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_int_equal(status, 0);
        assert_string_equal(files.current_context, "x");
}

/* Runs the change until its system call number `calls` begins or ends, and kills it there. */
static bool change_until_killed(const struct splice *splice, long calls)
{
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
                struct error err = { 0 };
                bool rewritten = false;
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                _exit(kubeconfig_file_change("config", splice, &rewritten, &err) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        for (long i = 0; i < calls && WIFSTOPPED(status); i++) {
                assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
                assert_int_equal(waitpid(child, &status, 0), child);
        }
        if (!WIFSTOPPED(status)) {
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                return false;
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        return true;
}

/* Between two system calls nothing happens to a file: these are all the moments there are. */
TEST(leaves_the_old_or_the_new_file_whole_wherever_it_is_killed)
{
        static const char old[] = "# mine\nkind: Config\ncurrent-context: old\n";
        static const char new[] = "# mine\nkind: Config\ncurrent-context: x\n";
        bool killed = true;
        long moments = 0;
        long renewed = 0;

        enter_folder();
        while (killed) {
                scoped(buf_clear) struct buf text = { 0 };
                struct error err = { 0 };
                buf_init(&text, 1000);
                write_text("config", 0640, old);
                killed = change_until_killed(&use_x, ++moments);
                assert_ok(file_read("config", &text, &err));
                assert_mode("config", 0640);
                assert_true(strcmp(text.text, old) == 0 || strcmp(text.text, new) == 0);
                renewed += strcmp(text.text, new) == 0;
                unlink("config.lock");
        }
        assert_true(moments > 20 && renewed > 1 && renewed < moments);
}
