#include "kubectl-tka/local/parent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELDS_BETWEEN 20 /* from the program's name to its start time: proc(5), stat */

static int64_t find_start(const char *stat)
{
        const char *at = strrchr(stat, ')');

        for (int i = 0; at && i < FIELDS_BETWEEN; i++)
                at = strchr(at + 1, ' ');
        return at ? strtoll(at + 1, NULL, 10) : 0;
}

void parent_read(struct parent *parent)
{
        char path[32];
        char text[512] = "";

        *parent = (struct parent){ .pid = getppid() };
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)parent->pid);

        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        if (read(fd, text, sizeof(text) - 1) > 0)
                parent->started = find_start(text);
        close(fd);
}

bool parent_is(const struct parent *parent, int64_t pid, int64_t started)
{
        return parent->started != 0 && parent->pid == pid && parent->started == started;
}

int64_t parent_clock_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
