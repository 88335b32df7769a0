#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#define MORE_THAN_A_PIPE_HOLDS (1 << 20)

static void interrupt(int number)
{
        (void)number;
}

/* From here on. */
static void interrupt_every(long microseconds)
{
        const struct sigaction action = { .sa_handler = interrupt };
        const struct itimerval often = { { .tv_usec = microseconds }, { .tv_usec = microseconds } };

        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
}

/* In a child, interrupted every millisecond. Never returns. */
static void write_and_end(int fd, const char *text, size_t length)
{
        interrupt_every(1000);
        _exit(fd_write(fd, text, length) ? 0 : 1);
}

TEST(writes_all_of_it_through_parts_and_interruptions)
{
        scoped_free char *text = xcalloc(1, MORE_THAN_A_PIPE_HOLDS);
        char chunk[4096];
        int ends[2] = { -1, -1 };
        int status = 1;
        size_t read_bytes = 0;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0)
                write_and_end(ends[1], text, MORE_THAN_A_PIPE_HOLDS);
        close(ends[1]);
        for (ssize_t length = 1; length > 0; read_bytes += (size_t)length)
                length = read(ends[0], chunk, sizeof(chunk));
        close(ends[0]);

        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(read_bytes, MORE_THAN_A_PIPE_HOLDS);
}

TEST(says_that_not_everything_could_be_written)
{
        int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

        assert_true(full >= 0);
        assert_false(fd_write(full, "x", 1));
        assert_int_equal(errno, ENOSPC);
        close(full);
}

TEST(waits_for_a_lock_and_not_for_ever)
{
        char path[] = "/tmp/test_fd.XXXXXX";
        int held = mkstemp(path);
        int wanted = open(path, O_RDWR | O_CLOEXEC);

        assert_true(fd_lock(held, 0));
        assert_false(fd_lock(wanted, 5));
        assert_int_equal(errno, EWOULDBLOCK);
        close(held);
        assert_true(fd_lock(wanted, 5));
        assert_false(fd_lock(-1, 5));
        assert_int_equal(errno, EBADF);
        close(wanted);
        unlink(path);
}

static int64_t clock_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TEST(waits_for_a_lock_as_long_as_asked_also_when_interrupted)
{
        char path[] = "/tmp/test_fd.XXXXXX";
        int held = mkstemp(path);
        int wanted = open(path, O_RDWR | O_CLOEXEC);
        int64_t began_ms = clock_ms();

        assert_true(fd_lock(held, 0));
        interrupt_every(100);
        bool taken = fd_lock(wanted, 200);
        interrupt_every(0);

        assert_false(taken);
        assert_true(clock_ms() - began_ms >= 200);
        close(held);
        close(wanted);
        unlink(path);
}

TEST(closes_what_is_open_and_nothing_else)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        const int none = -1;

        fd_close(&fd);
        fd_close(&none);

        assert_int_equal(fcntl(fd, F_GETFD), -1);
}
