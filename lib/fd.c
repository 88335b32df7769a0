#include "lib/fd.h"

#include <errno.h>
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
