#include "lib/daemon/process_metrics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/memory.h"
#include "lib/timestamp.h"

static double seconds_of(clockid_t clock)
{
        struct timespec time = { 0 };

        clock_gettime(clock, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Field 22 of /proc/self/stat, in ticks since boot. The second, in parentheses, may hold blanks. */
static double read_start(void)
{
        char text[1024] = "";
        int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return seconds_of(CLOCK_REALTIME);
        ssize_t length = read(fd, text, sizeof(text) - 1);
        close(fd);
        const char *at = length > 0 ? strrchr(text, ')') : NULL;
        for (int field = 2; at && field < 22; field++)
                at = strchr(at + 1, ' ');
        if (!at)
                return seconds_of(CLOCK_REALTIME);
        double since_boot = strtod(at, NULL) / (double)sysconf(_SC_CLK_TCK);
        return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + since_boot;
}

void process_metrics_init(struct process_metrics *process)
{
        process->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        process->fds = opendir("/proc/self/fd");
        process->started = read_start();
}

void process_metrics_clear(struct process_metrics *process)
{
        if (process->statm >= 0)
                close(process->statm);
        if (process->fds)
                closedir(process->fds);
        *process = (struct process_metrics){ .statm = -1 };
}

static int64_t read_resident(const struct process_metrics *process)
{
        char text[128] = "";

        if (process->statm < 0 || pread(process->statm, text, sizeof(text) - 1, 0) <= 0)
                return 0;
        const char *second = strchr(text, ' ');
        return second ? strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static int64_t count_fds(const struct process_metrics *process)
{
        int64_t count = 0;

        if (!process->fds)
                return 0;
        rewinddir(process->fds);
        for (const struct dirent *entry = readdir(process->fds); entry;
             entry = readdir(process->fds))
                count += entry->d_name[0] != '.';
        return count;
}

static void print_head(const char *name, const char *kind, const char *help, struct buf *buf)
{
        buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, kind, name);
}

void process_metrics_print(const struct process_metrics *process, struct buf *buf)
{
        print_head("process_resident_memory_bytes", "gauge", "Memory in RAM.", buf);
        buf_printf(buf, "%" PRId64 "\n", read_resident(process));
        print_head("process_cpu_seconds_total", "counter", "Processor time spent.", buf);
        buf_printf(buf, "%.6f\n", seconds_of(CLOCK_PROCESS_CPUTIME_ID));
        print_head("process_start_time_seconds", "gauge", "Start in Unix seconds.", buf);
        buf_printf(buf, "%.3f\n", process->started);
        print_head("process_open_fds", "gauge", "Open file descriptors.", buf);
        buf_printf(buf, "%" PRId64 "\n", count_fds(process));
}
