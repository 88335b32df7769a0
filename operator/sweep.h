/* sweep.h - removes what no session owns: once at start, then every few minutes, and when there is
 * reason to. */
#pragma once

#include "operator/program.h"

struct sweep;

/* A fiber; the first sweep comes once the sessions are known. free() it after sweep_stop() and the
 * fiber's end. */
struct sweep *sweep_start(struct program *program);
void sweep_stop(struct sweep *sweep);
/* Something turned up whose session is not known: looks in a few seconds. */
void sweep_soon(struct sweep *sweep);

/* How long after what the next sweep comes, and how much it has in hand; tests are less patient. */
struct sweep_pace {
        int64_t every_ms;
        int64_t retry_ms;
        int64_t standby_ms;
        int64_t soon_ms; /* for the watch of the sessions to catch up with that of their bindings */
        size_t most;     /* suspects at once */
};
/* The sweep's own pace, to be changed before it first waits. */
struct sweep_pace *sweep_pace(struct sweep *sweep);
