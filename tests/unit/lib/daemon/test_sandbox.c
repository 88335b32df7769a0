#include "lib/daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char folder[64], readable[80], hidden[80], socket_path[80];

static void write_file(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "x", 1), 1);
        close(fd);
}

static struct sockaddr_un address_of(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        return address;
}

static int make_folder(void)
{
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (listener < 0)
                abort();
        snprintf(folder, sizeof(folder), "/tmp/test_sandbox.XXXXXX");
        assert_non_null(mkdtemp(folder));
        snprintf(readable, sizeof(readable), "%s/readable", folder);
        snprintf(hidden, sizeof(hidden), "%s/hidden", folder);
        snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
        write_file(readable);
        write_file(hidden);

        struct sockaddr_un address = address_of(socket_path);
        assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 1), 0);
        return listener;
}

static void remove_folder(int listener)
{
        close(listener);
        unlink(readable);
        unlink(hidden);
        unlink(socket_path);
        assert_int_equal(rmdir(folder), 0);
}

static bool check_inside(bool (*check)(bool landlock))
{
        const char *const files[] = { readable, "/nonexistent", NULL };
        const char *const sockets[] = { folder, NULL };
        const struct sandbox sandbox = { files, sockets };
        struct error err = { 0 };
        bool without = false;

        return sandbox_enter(&sandbox, &without, &err) && check(!without);
}

/* Runs check() behind the sandbox in a process of its own: true when it held there. */
static bool holds_inside(bool (*check)(bool landlock))
{
        int status = 0;
        int listener = make_folder();
        pid_t child = fork();

        if (!child)
                _exit(check_inside(check) ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        remove_folder(listener);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool can_open(const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC, 0600);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

static bool files_are_hidden(bool landlock)
{
        return !landlock || (!can_open(hidden, O_RDONLY) && errno == EACCES &&
                             !can_open("/etc/passwd", O_RDONLY) && errno == EACCES);
}

static bool named_files_can_be_read(bool landlock)
{
        (void)landlock;
        return can_open(readable, O_RDONLY);
}

static bool nothing_can_be_written(bool landlock)
{
        return !landlock ||
               (!can_open(readable, O_WRONLY) && !can_open(hidden, O_WRONLY | O_CREAT) &&
                mkdir("/tmp/test_sandbox_made", 0700) && unlink(hidden) && truncate(readable, 0));
}

static bool sockets_can_be_reached(bool landlock)
{
        struct sockaddr_un address = address_of(socket_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)landlock;
        return fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

static bool is_refused(long result)
{
        return result == -1 && errno == EPERM;
}

static bool calls_are_refused(bool landlock)
{
        char *const arguments[] = { NULL };

        (void)landlock;
        return is_refused(execve("/bin/true", arguments, arguments)) &&
               is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)) &&
               is_refused(mount("none", "/mnt", "tmpfs", 0, NULL)) &&
               is_refused(unshare(CLONE_NEWUSER)) && is_refused(setns(0, 0)) &&
               is_refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0)) &&
               is_refused(syscall(SYS_bpf, 0, NULL, 0)) &&
               is_refused(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0));
}

static void *do_nothing(void *argument)
{
        return argument;
}

static bool threads_can_be_started(bool landlock)
{
        pthread_t thread;

        (void)landlock;
        return !pthread_create(&thread, NULL, do_nothing, NULL) && !pthread_join(thread, NULL);
}

static bool privileges_and_dumps_are_given_up(bool landlock)
{
        struct rlimit limit = { 1, 1 };

        (void)landlock;
        return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
               prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && !getrlimit(RLIMIT_CORE, &limit) &&
               !limit.rlim_cur && !limit.rlim_max;
}

TEST(hides_files_that_are_not_named)
{
        assert_true(holds_inside(files_are_hidden));
}

TEST(leaves_named_files_readable_and_skips_those_that_do_not_exist)
{
        assert_true(holds_inside(named_files_can_be_read));
}

TEST(lets_nothing_be_written)
{
        assert_true(holds_inside(nothing_can_be_written));
}

TEST(lets_unix_sockets_be_reached)
{
        assert_true(holds_inside(sockets_can_be_reached));
}

TEST(refuses_to_run_programs_and_to_change_namespaces)
{
        assert_true(holds_inside(calls_are_refused));
}

TEST(lets_threads_be_started)
{
        assert_true(holds_inside(threads_can_be_started));
}

TEST(gives_up_new_privileges_and_core_dumps)
{
        assert_true(holds_inside(privileges_and_dumps_are_given_up));
}
