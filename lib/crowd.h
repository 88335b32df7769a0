/* crowd.h - many calls that wait, side by side on one loop. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct loop;

/* run(owner, index) for each index below count, each on a fiber of its own, and waits for all.
 * Every wait in them ends after timeout_ms at the latest. */
void crowd_run(struct loop *loop, size_t count, void (*run)(void *owner, size_t index), void *owner,
               int64_t timeout_ms);
