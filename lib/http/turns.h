/* turns.h - so many at once, and whoever else comes waits for a turn, first come first served. */
#pragma once

#include <sys/queue.h>

#include "lib/error.h"

struct loop;
struct turn;

struct turns {
        struct loop *loop;
        size_t taken, most;
        bool closed;
        TAILQ_HEAD(, turn) waiting;
};

void turns_init(struct turns *turns, struct loop *loop, size_t most);
/* true: the turn is the caller's until turns_give(). Waits until that instant of loop_now_ms() at
 * the longest; false: UNAVAILABLE. */
bool turns_take(struct turns *turns, int64_t deadline_ms, struct error *err) must_check;
void turns_give(struct turns *turns);
/* Whoever waits is told so when its fiber goes on: until then turns must be there. */
void turns_close(struct turns *turns);
