#include "kubectl-tka/remote/kubeconfig_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/memory.h"
#include "lib/timestamp.h"

#define PATIENCE_MS 5000
#define FIRST_PAUSE_MS 5
#define LONGEST_PAUSE_MS 100

static void hold_signals(sigset_t *before)
{
        static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
        sigset_t held;

        sigemptyset(&held);
        for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
                sigaddset(&held, numbers[i]);
        sigprocmask(SIG_BLOCK, &held, before);
}

static void pause_ms(int64_t delay_ms)
{
        const struct timespec delay = { .tv_sec = delay_ms / 1000,
                                        .tv_nsec = delay_ms % 1000 * 1000000 };

        nanosleep(&delay, NULL);
}

/* Nothing tells a lock that is held from one that a crash left behind, but its age. */
static bool refuse(const char *path, struct error *err)
{
        char since[TIMESTAMP_TEXT_SIZE] = "unknown";
        struct stat found;

        if (stat(path, &found) == 0)
                timestamp_format(found.st_mtime, since);
        error_set(err, ERROR_CONFLICT, "\"%s\" has been there since %s", path, since);
        return error_advise(err, "when no kubectl is writing its config, remove that file");
}

static bool make_file(const char *path)
{
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0);

        if (fd < 0)
                return false;
        close(fd);
        return true;
}

bool kubeconfig_lock_take(const char *path, struct kubeconfig_lock *lock, struct error *err)
{
        scoped_free char *file = xasprintf("%s.lock", path);
        int64_t waited_ms = 0;
        int64_t step_ms = FIRST_PAUSE_MS;

        hold_signals(&lock->signals);
        while (!make_file(file)) {
                int problem = errno;
                if (problem == EEXIST && waited_ms < PATIENCE_MS) {
                        pause_ms(step_ms);
                        waited_ms += step_ms;
                        step_ms = step_ms * 2 < LONGEST_PAUSE_MS ? step_ms * 2 : LONGEST_PAUSE_MS;
                        continue;
                }
                sigprocmask(SIG_SETMASK, &lock->signals, NULL);
                if (problem == EEXIST)
                        return refuse(file, err);
                return error_set(err, ERROR_INTERNAL, "making \"%s\": %s", file, strerror(problem));
        }
        lock->path = take(file);
        return true;
}

void kubeconfig_lock_release(struct kubeconfig_lock *lock)
{
        if (!lock->path)
                return;
        unlink(lock->path);
        free(take(lock->path));
        sigprocmask(SIG_SETMASK, &lock->signals, NULL);
}
