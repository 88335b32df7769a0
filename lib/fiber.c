#include "lib/fiber.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <event2/event.h>

#include "lib/loop.h"
#include "lib/memory.h"

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define WITH_ASAN 1
#define STACK_SIZE (FIBER_STACK_SIZE * 4) /* its frames are wider */
#else
#define WITH_ASAN 0
#define STACK_SIZE FIBER_STACK_SIZE
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#define PAGE_SIZE 4096UL
#define GUARD_SIZE PAGE_SIZE
#define TRIM_MARGIN 512 /* for what is called to trim */
#define WARM_KEPT 8     /* stacks kept for the next fiber with the memory they touched */
#define COLD_KEPT 56    /* and without it */

struct stack {
        char *memory; /* GUARD_SIZE that faults, then STACK_SIZE */
        unsigned valgrind_id;
};

/* Where to go on, and on which stack: sanitizers want to know. */
struct place {
        ucontext_t context;
        const void *bottom;
        size_t size;
};

struct fiber {
        struct place place;
        struct place *back; /* of who resumed it */
        struct stack stack;
        struct loop *loop;
        struct loop_task resume;
        void (*run)(void *argument);
        void *argument;
        int64_t deadline_ms; /* 0: none */
        bool suspended, cancelled, shielded, ended;
};

static struct stack warm[WARM_KEPT], cold[COLD_KEPT];
static size_t warm_count, cold_count;
static size_t fiber_total;
static struct fiber *current;
static struct place main_place;

static struct stack take_stack(void)
{
        struct stack stack = { 0 };

        if (warm_count > 0)
                return warm[--warm_count];
        if (cold_count > 0)
                return cold[--cold_count];
        stack.memory = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (stack.memory == MAP_FAILED || mprotect(stack.memory, GUARD_SIZE, PROT_NONE) != 0)
                abort();
        stack.valgrind_id = VALGRIND_STACK_REGISTER(stack.memory + GUARD_SIZE,
                                                    stack.memory + GUARD_SIZE + STACK_SIZE);
        return stack;
}

static void give_back_stack(struct stack stack)
{
        if (warm_count < WARM_KEPT) {
                warm[warm_count++] = stack;
        } else if (cold_count < COLD_KEPT) {
                madvise(stack.memory + GUARD_SIZE, STACK_SIZE, MADV_DONTNEED);
                cold[cold_count++] = stack;
        } else {
                VALGRIND_STACK_DEREGISTER(stack.valgrind_id);
                munmap(stack.memory, GUARD_SIZE + STACK_SIZE);
        }
}

/* Saves where we are in *here and goes to *there; returns when somebody comes back. for_good: the
 * stack we are on is not needed any more. */
static void switch_place(struct place *here, struct place *there, bool for_good)
{
#if WITH_ASAN
        void *frames = NULL;

        __sanitizer_start_switch_fiber(for_good ? NULL : &frames, there->bottom, there->size);
        swapcontext(&here->context, &there->context);
        __sanitizer_finish_switch_fiber(frames, NULL, NULL);
#else
        (void)for_good;
        swapcontext(&here->context, &there->context);
#endif
}

static void enter(void)
{
        struct fiber *fiber = current;

#if WITH_ASAN
        /* The main stack's place is learnt here; another fiber's is only told again. */
        __sanitizer_finish_switch_fiber(NULL, &fiber->back->bottom, &fiber->back->size);
#endif
        fiber->run(fiber->argument);
        fiber->ended = true;
        switch_place(&fiber->place, fiber->back, true);
        abort(); /* nobody resumes what has ended */
}

/* Runs the fiber until it waits or ends; false when it ended. */
static bool resume(struct fiber *fiber)
{
        struct fiber *resumer = current;

        fiber->back = resumer ? &resumer->place : &main_place;
        fiber->suspended = false;
        current = fiber;
        switch_place(fiber->back, &fiber->place, false);
        current = resumer;
        if (!fiber->ended)
                return true;
        loop_drop(fiber->loop, &fiber->resume);
        give_back_stack(fiber->stack);
        free(fiber);
        fiber_total--;
        return false;
}

static void resume_from_loop(void *owner)
{
        (void)resume(owner);
}

struct fiber *fiber_start(struct loop *loop, void (*run)(void *argument), void *argument)
{
        struct fiber *fiber = xcalloc(1, sizeof(*fiber));
        ucontext_t *context = &fiber->place.context;

        fiber->loop = loop;
        fiber->run = run;
        fiber->argument = argument;
        fiber->resume = (struct loop_task){ .run = resume_from_loop, .owner = fiber };
        fiber->stack = take_stack();
        fiber->place.bottom = fiber->stack.memory + GUARD_SIZE;
        fiber->place.size = STACK_SIZE;
        getcontext(context);
        context->uc_stack.ss_sp = fiber->stack.memory + GUARD_SIZE;
        context->uc_stack.ss_size = STACK_SIZE;
        makecontext(context, enter, 0);
        fiber_total++;
        return resume(fiber) ? fiber : NULL;
}

struct fiber *fiber_self(void)
{
        return current;
}

void fiber_cancel(struct fiber *fiber)
{
        fiber->cancelled = true;
        if (fiber->suspended)
                loop_defer(fiber->loop, &fiber->resume);
}

bool fiber_is_cancelled(void)
{
        return current && current->cancelled && !current->shielded;
}

void fiber_shield(bool raised)
{
        if (current)
                current->shielded = raised;
}

void fiber_set_deadline(int64_t deadline_ms)
{
        if (current)
                current->deadline_ms = deadline_ms;
}

bool fiber_deadline_has_passed(void)
{
        return current && current->deadline_ms != 0 && loop_now_ms() >= current->deadline_ms;
}

size_t fiber_count(void)
{
        return fiber_total;
}

void fiber_trim(void)
{
        char here;
        uintptr_t page = ((uintptr_t)&here - TRIM_MARGIN) / PAGE_SIZE * PAGE_SIZE;
        char *bottom = current ? current->stack.memory + GUARD_SIZE : NULL;

        if (current && page > (uintptr_t)bottom)
                madvise(bottom, page - (uintptr_t)bottom, MADV_DONTNEED);
}

/* A time-out under way. */
struct deadline {
        struct fiber *fiber;
        bool passed;
};

static void pass_deadline(void *owner)
{
        struct deadline *deadline = owner;

        deadline->passed = true;
        if (deadline->fiber)
                loop_defer(deadline->fiber->loop, &deadline->fiber->resume);
}

static void free_timer(struct loop_timer **timer)
{
        loop_timer_free(*timer);
}

static void suspend(void)
{
        current->suspended = true;
        switch_place(&current->place, current->back, false);
}

/* libevent's loop cannot run inside itself: who waits in a callback on the main stack must start a
 * fiber for it. */
static void turn(struct loop *loop)
{
        if (event_base_loop(loop_base(loop), EVLOOP_ONCE) < 0)
                abort();
}

static bool is_over(const struct wait *wait, const struct deadline *deadline)
{
        return wait->woken || deadline->passed || fiber_is_cancelled();
}

/* The time-out, or what is left until the fiber's own deadline. */
static int64_t limit_timeout(int64_t timeout_ms)
{
        if (!current || current->deadline_ms == 0)
                return timeout_ms;

        int64_t left_ms = loop_left_ms(current->deadline_ms);
        return timeout_ms < 0 || left_ms < timeout_ms ? left_ms : timeout_ms;
}

bool wait_for(struct loop *loop, struct wait *wait, int64_t timeout_ms, struct error *err)
{
        struct deadline deadline = { .fiber = current };
        scoped(free_timer) struct loop_timer *timer = NULL;

        timeout_ms = limit_timeout(timeout_ms);

        assert(!wait->waiting);
        if (timeout_ms >= 0 && !is_over(wait, &deadline)) {
                timer = loop_timer_new(loop, pass_deadline, &deadline);
                loop_timer_set(timer, timeout_ms);
        }
        wait->fiber = current;
        wait->waiting = true;
        while (!is_over(wait, &deadline))
                if (current)
                        suspend();
                else
                        turn(loop);
        wait->waiting = false;
        wait->fiber = NULL;
        if (fiber_is_cancelled())
                return error_set(err, ERROR_UNAVAILABLE, "cancelled");
        if (!wait->woken)
                return error_set(err, ERROR_UNAVAILABLE, "timed out after %" PRId64 " ms",
                                 timeout_ms);
        wait->woken = false;
        return true;
}

void wait_wake(struct wait *wait)
{
        wait->woken = true;
        if (wait->waiting && wait->fiber)
                loop_defer(wait->fiber->loop, &wait->fiber->resume);
}

/* In the stack of who waits. */
struct wait_place {
        struct wait_place *next;
        struct wait wait;
};

bool wait_among(struct loop *loop, struct wait_crowd *crowd, int64_t timeout_ms, struct error *err)
{
        struct wait_place place = { .next = crowd->first };
        struct wait_place **link = &crowd->first;

        crowd->first = &place;
        bool woken = wait_for(loop, &place.wait, timeout_ms, err);
        while (*link != &place)
                link = &(*link)->next;
        *link = place.next;
        return woken;
}

void wait_wake_all(struct wait_crowd *crowd)
{
        for (struct wait_place *place = crowd->first; place; place = place->next)
                wait_wake(&place->wait);
}

bool wait_ms(struct loop *loop, int64_t delay_ms, struct error *err)
{
        struct wait wait = { 0 };
        struct error over = { 0 };

        if (wait_for(loop, &wait, delay_ms > 0 ? delay_ms : 0, &over) || !fiber_is_cancelled())
                return true;
        *err = over;
        return false;
}

static void wake_reader(evutil_socket_t fd, short what, void *argument)
{
        (void)fd;
        (void)what;
        wait_wake(argument);
}

static void free_event(struct event **event)
{
        event_free(*event);
}

bool wait_readable(struct loop *loop, int fd, int64_t timeout_ms, struct error *err)
{
        struct wait wait = { 0 };
        scoped(free_event) struct event *event =
                event_new(loop_base(loop), fd, EV_READ, wake_reader, &wait);

        event_add(event, NULL);
        return wait_for(loop, &wait, timeout_ms, err);
}
