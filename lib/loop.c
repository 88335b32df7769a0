#include "lib/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "lib/memory.h"

/* libevent's clock stands still while the machine sleeps, ours does not: this often they are
 * compared, so that a deadline that passed meanwhile is at most this late. */
#define BEAT_MS 5000

struct loop_timer {
        struct loop *loop;
        struct event *event;
        void (*fire)(void *owner);
        void *owner;
        int64_t due_ms;
        struct loop_timer *next, **link; /* of the set ones, NULL when not set */
};

struct loop_signal {
        struct event *event;
        void (*fire)(void *owner);
        void *owner;
        struct loop_signal *next;
};

struct loop {
        struct event_base *base;
        struct event *run_tasks;
        struct loop_task *tasks, **tasks_end;
        struct loop_task last_of_turn;
        struct loop_timer *timers; /* those that are set */
        struct loop_timer *beat;
        struct loop_signal *signals;
        int64_t slept_ms; /* what our clock is ahead of libevent's */
        int64_t lag_ms;
        bool stopped;
};

static int64_t read_clock_us(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t loop_now_ms(void)
{
        return read_clock_us(CLOCK_BOOTTIME) / 1000;
}

int64_t loop_left_ms(int64_t deadline_ms)
{
        int64_t left_ms = deadline_ms - loop_now_ms();

        return left_ms > 0 ? left_ms : 0;
}

int64_t loop_now_us(void)
{
        return read_clock_us(CLOCK_MONOTONIC);
}

static void arm(const struct loop_timer *timer)
{
        int64_t delay_ms = timer->due_ms - loop_now_ms();
        struct timeval delay = { 0 };

        if (delay_ms > 0) {
                delay.tv_sec = delay_ms / 1000;
                delay.tv_usec = (delay_ms % 1000) * 1000;
        }
        event_add(timer->event, &delay);
}

static void unlink_timer(struct loop_timer *timer)
{
        if (!timer->link)
                return;
        *timer->link = timer->next;
        if (timer->next)
                timer->next->link = timer->link;
        timer->link = NULL;
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
        struct loop_timer *timer = argument;
        int64_t late_ms = loop_now_ms() - timer->due_ms;

        (void)fd;
        (void)what;
        if (late_ms < 0) { /* libevent counts in coarse ticks */
                arm(timer);
                return;
        }
        timer->loop->lag_ms = late_ms;
        unlink_timer(timer);
        timer->fire(timer->owner);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fire)(void *owner), void *owner)
{
        struct loop_timer *timer = xcalloc(1, sizeof(*timer));

        timer->loop = loop;
        timer->fire = fire;
        timer->owner = owner;
        timer->event = event_new(loop->base, -1, 0, on_timer, timer);
        return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
        if (!timer)
                return;
        unlink_timer(timer);
        event_free(timer->event);
        free(timer);
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
        struct loop *loop = timer->loop;

        timer->due_ms = loop_now_ms() + (delay_ms > 0 ? delay_ms : 0);
        if (!timer->link) {
                timer->next = loop->timers;
                timer->link = &loop->timers;
                if (timer->next)
                        timer->next->link = &timer->next;
                loop->timers = timer;
        }
        arm(timer);
}

void loop_timer_stop(struct loop_timer *timer)
{
        unlink_timer(timer);
        event_del(timer->event);
}

static int64_t measure_sleep_ms(void)
{
        return loop_now_ms() - read_clock_us(CLOCK_MONOTONIC) / 1000;
}

/* After a sleep of the machine every timer is due earlier than libevent believes. */
static void beat(void *owner)
{
        struct loop *loop = owner;
        int64_t slept_ms = measure_sleep_ms();

        if (slept_ms > loop->slept_ms + 10)
                for (struct loop_timer *timer = loop->timers; timer; timer = timer->next)
                        arm(timer);
        loop->slept_ms = slept_ms;
        loop_timer_set(loop->beat, BEAT_MS);
}

/* By a timer and not event_active(), which libevent would still serve before the sockets. */
static void schedule_tasks(struct loop *loop)
{
        event_add(loop->run_tasks, &(struct timeval){ 0 });
}

/* Tasks that a task defers wait for the next turn, so that sockets have theirs. */
static void run_tasks(evutil_socket_t fd, short what, void *argument)
{
        struct loop *loop = argument;
        struct loop_task *last = &loop->last_of_turn;

        (void)fd;
        (void)what;
        loop_defer(loop, last);
        while (loop->tasks != last) {
                struct loop_task *task = loop->tasks;

                loop_drop(loop, task);
                task->run(task->owner);
        }
        loop_drop(loop, last);
        if (loop->tasks)
                schedule_tasks(loop);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
        if (task->link)
                return;
        if (!loop->tasks)
                schedule_tasks(loop);
        task->next = NULL;
        task->link = loop->tasks_end;
        *loop->tasks_end = task;
        loop->tasks_end = &task->next;
}

void loop_drop(struct loop *loop, struct loop_task *task)
{
        if (!task->link)
                return;
        *task->link = task->next;
        if (task->next)
                task->next->link = task->link;
        else
                loop->tasks_end = task->link;
        task->link = NULL;
}

static struct event_base *new_base(void)
{
        struct event_config *config = event_config_new();
        struct event_base *base = NULL;

        if (config) {
                /* A timer set late in a long callback still has its whole time. */
                event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
                base = event_base_new_with_config(config);
                event_config_free(config);
        }
        if (!base)
                abort();
        return base;
}

struct loop *loop_new(void)
{
        struct loop *loop = xcalloc(1, sizeof(*loop));

        event_set_mem_functions(xmalloc, xrealloc, free_wiped); /* answers hold tokens */
        signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error of one write */
        loop->base = new_base();
        loop->tasks_end = &loop->tasks;
        loop->run_tasks = event_new(loop->base, -1, 0, run_tasks, loop);
        loop->slept_ms = measure_sleep_ms();
        loop->beat = loop_timer_new(loop, beat, loop);
        loop_timer_set(loop->beat, BEAT_MS);
        return loop;
}

void loop_free(struct loop *loop)
{
        if (!loop)
                return;
        while (loop->signals) {
                struct loop_signal *signal = loop->signals;

                loop->signals = signal->next;
                event_free(signal->event);
                free(signal);
        }
        loop_timer_free(loop->beat);
        event_free(loop->run_tasks);
        event_base_free(loop->base);
        free(loop);
}

void loop_run(struct loop *loop)
{
        while (!loop->stopped)
                event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
        loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
        loop->stopped = true;
        event_base_loopbreak(loop->base);
}

static void on_signal(evutil_socket_t fd, short what, void *argument)
{
        const struct loop_signal *signal = argument;

        (void)fd;
        (void)what;
        signal->fire(signal->owner);
}

void loop_on_signal(struct loop *loop, int signal_number, void (*fire)(void *owner), void *owner)
{
        struct loop_signal *signal = xcalloc(1, sizeof(*signal));

        signal->fire = fire;
        signal->owner = owner;
        signal->event = evsignal_new(loop->base, signal_number, on_signal, signal);
        signal->next = loop->signals;
        loop->signals = signal;
        event_add(signal->event, NULL);
}

int64_t loop_lag_ms(const struct loop *loop)
{
        return loop->lag_ms;
}

struct event_base *loop_base(struct loop *loop)
{
        return loop->base;
}
