#include "kubectl-tka/kubeconfig/kubeconfig_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kubectl-tka/local/waiting.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define STALE_MS 5000
#define PATIENCE_MS 20000
#define LINGER_MS 10      /* longer than kubectl takes from reading to locking */
#define LINGER_BUSY_MS 60 /* where others have been met: the machine may be busy too */
#define READER_STALE_MS 1000
#define READER_PATIENCE_MS 5000
#define FIRST_PAUSE_MS 2
#define LONGEST_PAUSE_MS 20

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

/* Signals are held with the lock alone: who does not want to wait for another's ends the program.
 * errno says why it was not made. */
static bool make_file(const char *path, struct kubeconfig_lock *lock)
{
        hold_signals(&lock->signals);
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0);
        if (fd >= 0) {
                close(fd);
                return true;
        }
        int problem = errno;
        sigprocmask(SIG_SETMASK, &lock->signals, NULL);
        errno = problem;
        return false;
}

/* Whether the lock is another one than before: then somebody is at work, and it is worth waiting.
 */
static bool has_changed(const char *path, struct stat *known)
{
        struct stat found;

        if (stat(path, &found) != 0)
                return false;
        bool changed = found.st_ino != known->st_ino ||
                       found.st_ctim.tv_sec != known->st_ctim.tv_sec ||
                       found.st_ctim.tv_nsec != known->st_ctim.tv_nsec;
        *known = found;
        return changed;
}

/* Once, after a moment. */
static void tell(const char *path, int64_t started_ms, bool *told)
{
        if (*told || loop_now_ms() - started_ms < WAITING_PATIENCE_MS)
                return;
        waiting_tell("another program, which holds %s", path);
        *told = true;
}

/* errno says why not. */
static bool wait_and_make(const char *path, struct kubeconfig_lock *lock)
{
        bool told = false;
        int64_t started_ms = loop_now_ms();
        int64_t changed_ms = started_ms;
        int64_t step_ms = FIRST_PAUSE_MS;
        struct stat known = { 0 };

        while (!make_file(path, lock)) {
                int64_t now_ms = loop_now_ms();
                if (errno != EEXIST)
                        return false;
                lock->waited = true;
                if (has_changed(path, &known))
                        changed_ms = now_ms;
                errno = EEXIST;
                if (now_ms - changed_ms >= STALE_MS || now_ms - started_ms >= PATIENCE_MS)
                        return false;
                tell(path, started_ms, &told);
                pause_ms(step_ms);
                step_ms = step_ms * 2 < LONGEST_PAUSE_MS ? step_ms * 2 : LONGEST_PAUSE_MS;
        }
        return true;
}

bool kubeconfig_lock_take(const char *path, struct kubeconfig_lock *lock, struct error *err)
{
        scoped_free char *file = xasprintf("%s.lock", path);

        if (wait_and_make(file, lock)) {
                lock->path = take(file);
                return true;
        }
        if (errno == EEXIST)
                return refuse(file, err);
        return error_set(err, ERROR_INTERNAL, "making \"%s\": %s", file, strerror(errno));
}

void kubeconfig_lock_linger(const struct kubeconfig_lock *lock)
{
        pause_ms(lock->waited ? LINGER_BUSY_MS : LINGER_MS);
}

void kubeconfig_lock_release(struct kubeconfig_lock *lock)
{
        if (!lock->path)
                return;
        unlink(lock->path);
        free(take(lock->path));
        sigprocmask(SIG_SETMASK, &lock->signals, NULL);
}

bool kubeconfig_lock_await(const char *path)
{
        scoped_free char *file = xasprintf("%s.lock", path);
        int64_t started_ms = loop_now_ms();
        int64_t changed_ms = started_ms;
        struct stat known = { 0 };
        bool told = false;

        while (access(file, F_OK) == 0) {
                int64_t now_ms = loop_now_ms();
                if (has_changed(file, &known))
                        changed_ms = now_ms;
                if (now_ms - changed_ms > READER_STALE_MS ||
                    now_ms - started_ms > READER_PATIENCE_MS)
                        return false;
                tell(file, started_ms, &told);
                pause_ms(FIRST_PAUSE_MS);
        }
        return true;
}
