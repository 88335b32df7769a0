#include "lib/aside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

static void answer_what(const void *what, int answer)
{
        const char *text = what;
        ssize_t written = write(answer, text, strlen(text));

        (void)written;
}

static void wait_for_ever(const void *what, int answer)
{
        (void)what;
        answer_what("up", answer);
        for (;;)
                pause();
}

static void tell_streams(const void *what, int answer)
{
        struct stat nothing = { 0 };
        struct stat found = { 0 };
        bool leads_nowhere = stat("/dev/null", &nothing) == 0;

        (void)what;
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                leads_nowhere =
                        leads_nowhere && fstat(fd, &found) == 0 && found.st_rdev == nothing.st_rdev;
        ssize_t written = write(answer, &leads_nowhere, sizeof(leads_nowhere));
        (void)written;
}

TEST(gives_what_the_work_writes_and_then_its_end)
{
        scoped(aside_end) struct aside aside = { 0 };
        struct error err = { 0 };
        char text[16] = "";

        assert_ok(aside_start(answer_what, "seven", &aside, &err));
        assert_int_equal(read(aside.answer, text, sizeof(text)), 5);
        assert_string_equal(text, "seven");
        assert_int_equal(read(aside.answer, text, sizeof(text)), 0);
}

TEST(keeps_no_stream_of_ours_open)
{
        scoped(aside_end) struct aside aside = { 0 };
        struct error err = { 0 };
        bool nowhere = false;

        assert_ok(aside_start(tell_streams, NULL, &aside, &err));
        assert_int_equal(read(aside.answer, &nowhere, sizeof(nowhere)), sizeof(nowhere));
        assert_true(nowhere);
}

TEST(ends_work_that_nobody_waits_for_any_more)
{
        struct aside aside = { 0 };
        struct error err = { 0 };
        char text[2];

        assert_ok(aside_start(wait_for_ever, NULL, &aside, &err));
        assert_int_equal(read(aside.answer, text, sizeof(text)), 2);
        pid_t child = aside.child;
        aside_end(&aside);
        assert_int_equal(kill(child, 0), -1);
        assert_int_equal(errno, ESRCH);
        aside_end(&aside); /* again: nothing */
}

/* A process that starts work, tells its pid, and is killed. */
static void start_and_wait(int tell)
{
        struct aside aside = { 0 };
        struct error err = { 0 };
        bool started = aside_start(wait_for_ever, NULL, &aside, &err);

        if (started && write(tell, &aside.child, sizeof(aside.child)) > 0)
                pause();
        _exit(1);
}

TEST(work_ends_with_who_started_it)
{
        int told[2];
        pid_t grandchild = 0;

        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        if (child == 0)
                start_and_wait(told[1]);
        close(told[1]);
        assert_int_equal(read(told[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);

        struct pollfd end = { .fd = told[0], .events = POLLIN }; /* the work held it too */
        assert_int_equal(poll(&end, 1, 10000), 1);
        assert_int_equal(read(told[0], &grandchild, sizeof(grandchild)), 0);
        close(told[0]);
}
