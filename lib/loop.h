/* loop.h - the one event loop of a program: timers, signals, and the clock that never jumps. */
#pragma once

#include "lib/error.h"

struct event_base;
struct loop;
struct loop_timer;

struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Milliseconds of CLOCK_BOOTTIME: for deadlines, not for people. */
int64_t loop_now_ms(void);
/* What is left until that instant of it; 0 when it has passed. */
int64_t loop_left_ms(int64_t deadline_ms);
/* Microseconds of CLOCK_MONOTONIC, for how long something took. */
int64_t loop_now_us(void);

/* fire(owner) once per loop_timer_set; setting again moves it. */
struct loop_timer *loop_timer_new(struct loop *loop, void (*fire)(void *owner), void *owner);
void loop_timer_free(struct loop_timer *timer);
void loop_timer_set(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);

/* Runs run(owner) once from the loop, soon, in the order asked. The record is the caller's, { 0 }
 * before its first use, and lives until it ran or was dropped; deferring it again before changes
 * nothing. */
struct loop_task {
        void (*run)(void *owner);
        void *owner;
        struct loop_task *next, **link; /* of the queue, NULL when not in it */
};
void loop_defer(struct loop *loop, struct loop_task *task);
void loop_drop(struct loop *loop, struct loop_task *task);

/* fire(owner) on every such signal, on the loop; kept until loop_free(). */
void loop_on_signal(struct loop *loop, int signal_number, void (*fire)(void *owner), void *owner);

/* Milliseconds the loop was last late for a timer of its own: the metric tka_loop_lag. */
int64_t loop_lag_ms(const struct loop *loop);

/* For the files of lib/ that put their own events on it. */
struct event_base *loop_base(struct loop *loop);
