#include "kubectl-tka/remote/flight.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "kubectl-tka/local/note.h"
#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define FIRST_PAUSE_MS 2
#define LONGEST_PAUSE_MS 50

void flight_end(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* flock(2) has no time-out of its own, hence the pauses. */
static bool take_lock(struct loop *loop, int fd, int64_t timeout_ms)
{
        int64_t deadline_ms = loop_now_ms() + timeout_ms;
        int64_t pause_ms = FIRST_PAUSE_MS;
        struct error ignored = { 0 };

        while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return false;
                if (loop_now_ms() >= deadline_ms || !wait_ms(loop, pause_ms, &ignored))
                        return false;
                pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
        }
        return true;
}

void flight_begin(struct loop *loop, const struct cache_key *key, int64_t timeout_ms, int *fd)
{
        scoped_free char *path = note_file(key, ".lock");

        *fd = note_open(path);
        if (*fd >= 0 && !take_lock(loop, *fd, timeout_ms))
                flight_end(fd);
}
