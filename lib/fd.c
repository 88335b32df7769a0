#include "lib/fd.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

void fd_close(const int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

bool fd_write(int fd, const char *text, size_t length)
{
        while (length > 0) {
                ssize_t written = write(fd, text, length);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return false;
                text += written;
                length -= (size_t)written;
        }
        return true;
}

static int64_t now_ms(void)
{
        struct timespec now = { 0 };

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* By the clock: on a busy machine a pause takes longer than it should, and a signal ends one. */
bool fd_lock(int fd, int64_t timeout_ms)
{
        const struct timespec pause = { .tv_nsec = 1000000 };
        int64_t deadline_ms = now_ms() + timeout_ms;

        while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
                if ((errno != EWOULDBLOCK && errno != EINTR) || now_ms() >= deadline_ms)
                        return false;
                nanosleep(&pause, NULL);
        }
        return true;
}
