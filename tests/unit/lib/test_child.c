#include "lib/child.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define WORDS_MAX 4

static bool run(const char *const *words, bool is_shell, int *status, struct error *err)
{
        char *argv[WORDS_MAX + 1] = { NULL };
        sigset_t before;

        for (size_t i = 0; i < WORDS_MAX && words[i]; i++)
                argv[i] = xstrdup(words[i]);

        child_hold_signals(&before);
        struct child child = { .argv = argv, .signals = &before, .is_shell = is_shell };
        bool done = child_run(&child, status, err);
        child_release_signals(&before);
        for (size_t i = 0; i < WORDS_MAX; i++)
                free(argv[i]);
        return done;
}

/* A script that has its parent signalled, and waits for that to come back. */
#define ON_SIGNAL(name, action) \
        "trap 'kill $!; " action "' " name "; sleep 10 & kill -" name " $PPID; wait"

static int status_of(const char *script)
{
        struct error err = { 0 };
        int status = -1;

        assert_ok(run(ARGV("sh", "-c", script), false, &status, &err));
        return status;
}

/* Who is started in the background has some signals ignored for good. */
static void hear_everything(void)
{
        signal(SIGINT, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
}

TEST(an_exit_status_passes_through)
{
        assert_int_equal(status_of("exit 0"), 0);
        assert_int_equal(status_of("exit 7"), 7);
        assert_int_equal(status_of("exit 255"), 255);
}

TEST(a_child_that_a_signal_ends_gives_128_and_the_signal)
{
        assert_int_equal(status_of("kill -KILL $$"), 128 + SIGKILL);
        assert_int_equal(status_of("kill -TERM $$"), 128 + SIGTERM);
}

TEST(a_signal_for_us_reaches_the_child)
{
        hear_everything();
        assert_int_equal(status_of(ON_SIGNAL("USR1", "exit 3")), 3);
        assert_int_equal(status_of(ON_SIGNAL("TERM", "exit 4")), 4);
        assert_int_equal(status_of(ON_SIGNAL("INT", "exit 5")), 5);
}

TEST(a_shell_that_does_not_care_for_term_is_hung_up_on)
{
        struct error err = { 0 };
        int status = -1;

        hear_everything();
        assert_ok(run(ARGV("sh", "-c",
                           "trap '' TERM; trap 'kill $!; exit 6' HUP; sleep 10 & "
                           "kill -TERM $PPID; wait"),
                      true, &status, &err));

        assert_int_equal(status, 6);
}

TEST(the_child_finds_its_signals_as_they_were)
{
        assert_int_equal(status_of("grep -q '^SigBlk:.0*$' /proc/self/status"), 0);
}

TEST(the_child_is_ended_by_a_pipe_that_nobody_reads)
{
        signal(SIGPIPE, SIG_IGN); /* as loop_new() does */
        assert_int_equal(status_of("kill -PIPE $$"), 128 + SIGPIPE);
}

TEST(what_cannot_be_started_is_named_and_the_status_left_alone)
{
        struct error err = { 0 };
        int status = 42;

        assert_fails(run(ARGV("no-such-program"), false, &status, &err), ERROR_NOT_FOUND,
                     "\"no-such-program\": No such file");
        assert_fails(run(ARGV("/etc/passwd"), false, &status, &err), ERROR_DENIED,
                     "Permission denied");
        assert_int_equal(status, 42);
}

TEST(a_signal_that_came_before_the_child_is_told)
{
        sigset_t before;

        child_hold_signals(&before);
        kill(getpid(), SIGTERM);
        assert_int_equal(child_take_signal(), SIGTERM);
        assert_int_equal(child_take_signal(), 0);
        child_release_signals(&before);
}

TEST(a_child_whose_parent_is_killed_is_hung_up_on)
{
        const char *const argv[] = { "sh", "-c",
                                     "trap 'kill $!; echo hung up; exit' HUP; sleep 60 & "
                                     "echo begun; wait",
                                     NULL };
        struct error err = { 0 };
        char said[32] = "";
        int status = 0;
        int ends[2];

        hear_everything();
        assert_int_equal(pipe(ends), 0);
        pid_t parent = fork();
        if (parent == 0) {
                dup2(ends[1], STDOUT_FILENO);
                _exit(!run(argv, false, &status, &err));
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], said, sizeof(said)), strlen("begun\n"));
        kill(parent, SIGKILL);
        waitpid(parent, NULL, 0);

        assert_int_equal(read(ends[0], said, sizeof(said)), strlen("hung up\n"));
        close(ends[0]);
}
