/* fiber.h - functions that wait in the middle, on the one loop: each on a small stack of its own.
 *
 * A fiber runs until it waits, and the loop goes on meanwhile. No two run at once and none is
 * interrupted, so there are no locks; but whatever was read before a wait may have changed after
 * it. On the main stack (command-line programs, unit tests) a wait turns the loop until it is over:
 * the same calls work in both places. Why not callbacks: docs/internals/fiber.md. */
#pragma once

#include "lib/error.h"

struct fiber;
struct loop;

#define FIBER_STACK_SIZE (128 * 1024UL) /* reserved; only what is touched counts */

/* Runs run(argument) at once up to its first wait. The fiber ends with run: from then on the handle
 * is invalid; NULL when it ended at once. Stacks are reused. */
struct fiber *fiber_start(struct loop *loop, void (*run)(void *argument), void *argument);
/* The running one, NULL on the main stack. */
struct fiber *fiber_self(void);
/* The wait it is in, and every later one, fails with ERROR_UNAVAILABLE, so that it unwinds through
 * its own scoped() lines. It resumes from the loop, not within this call. */
void fiber_cancel(struct fiber *fiber);
bool fiber_is_cancelled(void); /* the running one */
/* From here on the running fiber feels no cancellation, until it lowers the shield and meets it
 * then: for what must not stop half-way. It bounds its own time meanwhile. */
void fiber_shield(bool raised);
/* No wait of the running fiber goes on beyond that instant of loop_now_ms(), whatever its own
 * time-out is: for a request that has to be answered in time. Nothing on the main stack. */
void fiber_set_deadline(int64_t deadline_ms);
/* It has passed: nothing new should be begun. */
bool fiber_deadline_has_passed(void);
size_t fiber_count(void);
/* Gives what the running fiber does not use of its stack back to the kernel: before a long wait, of
 * which there may be thousands. */
void fiber_trim(void);

/* Something to wait for; { 0 } is a valid one. It lives in the waiting function or in what wakes
 * it, is waited for by one fiber at a time, and can be used again after wait_for() returned. */
struct wait {
        struct fiber *fiber;
        bool waiting;
        bool woken;
};

/* true once wait_wake() was called (also before); false: ERROR_UNAVAILABLE "timed out after N ms",
 * or "cancelled". timeout_ms < 0: no deadline, for loops that live as long as the program. */
bool wait_for(struct loop *loop, struct wait *wait, int64_t timeout_ms,
              struct error *err) must_check;
/* Never switches at once: the waiter goes on from the loop. */
void wait_wake(struct wait *wait);
/* Any number of fibers that wait for the same thing; { 0 } is one of none. */
struct wait_place;
struct wait_crowd {
        struct wait_place *first;
};
/* As wait_for(), but what happened before does not count. */
bool wait_among(struct loop *loop, struct wait_crowd *crowd, int64_t timeout_ms,
                struct error *err) must_check;
void wait_wake_all(struct wait_crowd *crowd);
/* Until there is something to read from fd. */
bool wait_readable(struct loop *loop, int fd, int64_t timeout_ms, struct error *err) must_check;
/* Sleeps; false only when cancelled. */
bool wait_ms(struct loop *loop, int64_t delay_ms, struct error *err) must_check;
