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

bool fd_lock(int fd, int64_t timeout_ms)
{
        const struct timespec pause = { .tv_nsec = 1000000 };

        for (int64_t waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms++) {
                if ((errno != EWOULDBLOCK && errno != EINTR) || waited_ms >= timeout_ms)
                        return false;
                nanosleep(&pause, NULL);
        }
        return true;
}
