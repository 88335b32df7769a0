#include "kubectl-tka/local/journal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
#define LINE_SIZE 1024

static bool is_ours(int fd)
{
        struct stat found;

        return fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == geteuid();
}

/* In one write, so that the lines of several processes do not run into each other. */
static void write_line(int fd, const char *words)
{
        char when[TIMESTAMP_TEXT_SIZE];
        char line[LINE_SIZE + 64];
        int length = snprintf(line, sizeof(line), "%s kubectl-tka[%d] %s\n",
                              timestamp_format(timestamp_now(), when), (int)getpid(), words);
        ssize_t written = length > 0 ? write(fd, line, (size_t)length) : 0;

        (void)written; /* a full disk: whoever reads the file sees that it ends */
}

void journal_add(const char *format, ...)
{
        const char *path = getenv("TKA_LOG");
        char words[LINE_SIZE];
        va_list args;

        if (!path || !path[0])
                return;
        scoped(fd_close) int fd = open(path, FLAGS, 0600);
        if (fd < 0 || !is_ours(fd))
                return;
        va_start(args, format);
        vsnprintf(words, sizeof(words), format, args);
        va_end(args);
        write_line(fd, error_clean_line(words));
}
