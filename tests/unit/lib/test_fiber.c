#include "lib/fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#define MANY 5000

/* One fiber's work: waits once, says how that went. */
struct work {
        struct loop *loop;
        struct wait wait;
        int64_t timeout_ms;
        bool ended, waited;
        struct error err;
};

static void wait_once(void *argument)
{
        struct work *work = argument;

        work->waited = wait_for(work->loop, &work->wait, work->timeout_ms, &work->err);
        work->ended = true;
}

/* Lets everything run that can. */
static void turn(struct loop *loop, int64_t delay_ms)
{
        struct error err = { 0 };

        assert_ok(wait_ms(loop, delay_ms, &err));
}

/* Until it has ended, however slow the machine is; what comes to no end fails and hangs nobody. */
static void turn_until(struct loop *loop, const bool *ended)
{
        for (int turns = 0; !*ended && turns < 5000; turns++)
                turn(loop, 1);
        assert_true(*ended);
}

static void only_end(void *argument)
{
        *(bool *)argument = true;
}

TEST(a_fiber_that_does_not_wait_ends_at_once)
{
        struct loop *loop = loop_new();
        bool ended = false;

        assert_null(fiber_start(loop, only_end, &ended));
        assert_true(ended);
        assert_int_equal(fiber_count(), 0);
        loop_free(loop);
}

TEST(a_wake_goes_on_from_the_loop_and_not_at_once)
{
        struct work work = { .loop = loop_new(), .timeout_ms = -1 };

        assert_non_null(fiber_start(work.loop, wait_once, &work));
        assert_null(fiber_self());
        assert_int_equal(fiber_count(), 1);
        wait_wake(&work.wait);
        assert_false(work.ended);
        turn(work.loop, 0);
        assert_true(work.ended && work.waited);
        assert_int_equal(fiber_count(), 0);
        loop_free(work.loop);
}

TEST(a_wake_before_the_wait_is_not_lost)
{
        struct work work = { .loop = loop_new(), .timeout_ms = 0 };

        wait_wake(&work.wait);
        assert_null(fiber_start(work.loop, wait_once, &work));
        assert_true(work.waited);
        assert_false(work.wait.woken);
        loop_free(work.loop);
}

static void wait_twice(void *argument)
{
        struct work *work = argument;

        wait_once(work);
        work->ended = false;
        wait_once(work);
}

TEST(two_wakes_end_one_wait)
{
        struct work work = { .loop = loop_new(), .timeout_ms = -1 };

        fiber_start(work.loop, wait_twice, &work);
        wait_wake(&work.wait);
        wait_wake(&work.wait);
        turn(work.loop, 1);
        assert_false(work.ended);
        wait_wake(&work.wait);
        turn(work.loop, 1);
        assert_true(work.ended && work.waited);
        loop_free(work.loop);
}

TEST(a_wait_times_out_with_its_time_in_the_words)
{
        struct work work = { .loop = loop_new(), .timeout_ms = 7 };
        struct error err = { 0 };

        fiber_start(work.loop, wait_once, &work);
        turn_until(work.loop, &work.ended);
        assert_false(work.waited);
        assert_int_equal(work.err.kind, ERROR_UNAVAILABLE);
        assert_string_equal(work.err.text, "timed out after 7 ms");
        assert_fails(wait_for(work.loop, &work.wait, 3, &err), ERROR_UNAVAILABLE, "after 3 ms");
        loop_free(work.loop);
}

TEST(a_cancelled_wait_fails)
{
        struct work work = { .loop = loop_new(), .timeout_ms = 60000 };
        struct fiber *fiber = fiber_start(work.loop, wait_once, &work);

        fiber_cancel(fiber);
        assert_false(work.ended);
        fiber_cancel(fiber);
        wait_wake(&work.wait);
        turn(work.loop, 0);
        assert_true(work.ended);
        assert_false(work.waited);
        assert_string_equal(work.err.text, "cancelled");
        assert_int_equal(fiber_count(), 0);
        loop_free(work.loop);
}

static void cancel_self(void *argument)
{
        struct work *work = argument;

        fiber_cancel(fiber_self());
        assert_true(fiber_is_cancelled());
        wait_wake(&work->wait);
        wait_once(work);
        assert_false(wait_ms(work->loop, 1000, &work->err));
}

static void wait_behind_shield(void *argument)
{
        struct work *work = argument;

        fiber_shield(true);
        work->waited = wait_for(work->loop, &work->wait, work->timeout_ms, &work->err);
        assert_false(fiber_is_cancelled());
        fiber_shield(false);
        assert_true(fiber_is_cancelled());
        assert_false(wait_ms(work->loop, 1000, &work->err));
        work->ended = true;
}

TEST(a_shielded_fiber_is_cancelled_when_it_lowers_the_shield)
{
        struct work work = { .loop = loop_new(), .timeout_ms = 60000 };

        fiber_cancel(fiber_start(work.loop, wait_behind_shield, &work));
        turn(work.loop, 5);
        assert_false(work.ended);
        wait_wake(&work.wait);
        turn(work.loop, 0);
        assert_true(work.ended);
        assert_true(work.waited);
        assert_string_equal(work.err.text, "cancelled");
        assert_int_equal(fiber_count(), 0);
        loop_free(work.loop);
}

TEST(every_wait_after_the_cancellation_fails_too)
{
        struct work work = { .loop = loop_new(), .timeout_ms = -1 };

        assert_null(fiber_start(work.loop, cancel_self, &work));
        assert_false(work.waited);
        assert_false(fiber_is_cancelled());
        loop_free(work.loop);
}

static int unwound;

static void count_unwound(char **memory)
{
        free(*memory);
        unwound++;
}

static bool descend(struct work *work, int depth)
{
        scoped(count_unwound) char *memory = xmalloc(16);

        memory[0] = (char)depth;
        if (depth == 0)
                return wait_for(work->loop, &work->wait, -1, &work->err);
        return descend(work, depth - 1) && memory[0];
}

static void descend_deeply(void *argument)
{
        struct work *work = argument;

        work->waited = descend(work, 200);
        work->ended = true;
}

TEST(a_cancelled_fiber_unwinds_all_its_scopes)
{
        struct work work = { .loop = loop_new() };

        unwound = 0;
        fiber_cancel(fiber_start(work.loop, descend_deeply, &work));
        turn(work.loop, 0);
        assert_true(work.ended);
        assert_int_equal(unwound, 201);
        loop_free(work.loop);
}

TEST(thousands_of_fibers_wait_side_by_side)
{
        struct loop *loop = loop_new();
        struct work *works = xcalloc(MANY, sizeof(*works));

        for (int round = 0; round < 2; round++) {
                for (int i = 0; i < MANY; i++) {
                        works[i] = (struct work){ .loop = loop, .timeout_ms = 60000 };
                        assert_non_null(fiber_start(loop, wait_once, &works[i]));
                }
                assert_int_equal(fiber_count(), MANY);
                for (int i = MANY - 1; i >= 0; i--)
                        wait_wake(&works[i].wait);
                turn(loop, 0);
                for (int i = 0; i < MANY; i++)
                        assert_true(works[i].ended && works[i].waited);
                assert_int_equal(fiber_count(), 0);
        }
        free(works);
        loop_free(loop);
}

static void start_another(void *argument)
{
        struct work *work = argument;
        const struct fiber *self = fiber_self();
        struct work inner = { .loop = work->loop, .timeout_ms = -1 };

        assert_non_null(fiber_start(work->loop, wait_once, &inner));
        assert_ptr_equal(fiber_self(), self);
        wait_wake(&inner.wait);
        assert_true(wait_ms(work->loop, 1, &work->err));
        assert_true(inner.ended && inner.waited);
        work->ended = true;
}

TEST(a_fiber_starts_another_and_goes_on_when_that_waits)
{
        struct work work = { .loop = loop_new() };

        fiber_start(work.loop, start_another, &work);
        turn_until(work.loop, &work.ended);
        assert_int_equal(fiber_count(), 0);
        loop_free(work.loop);
}

static void wake_later(void *argument)
{
        struct work *work = argument;
        struct error err = { 0 };

        assert_ok(wait_ms(work->loop, 5, &err));
        wait_wake(&work->wait);
        assert_ok(wait_ms(work->loop, 5, &err));
        work->ended = true;
}

TEST(a_wait_on_the_main_stack_turns_the_loop_until_a_fiber_wakes_it)
{
        struct work work = { .loop = loop_new() };
        struct error err = { 0 };

        fiber_start(work.loop, wake_later, &work);
        assert_ok(wait_for(work.loop, &work.wait, 5000, &err));
        assert_false(work.ended);
        turn_until(work.loop, &work.ended);
        loop_free(work.loop);
}

static void wake_on_fire(void *owner)
{
        wait_wake(owner);
}

static void wait_with_deadline(void *argument)
{
        fiber_set_deadline(loop_now_ms() + 5);
        wait_twice(argument);
}

TEST(no_wait_goes_on_beyond_the_deadline_of_its_fiber)
{
        struct work work = { .loop = loop_new(), .timeout_ms = -1 };

        assert_non_null(fiber_start(work.loop, wait_with_deadline, &work));
        turn_until(work.loop, &work.ended);
        assert_false(work.waited);
        assert_int_equal(work.err.kind, ERROR_UNAVAILABLE);
        assert_string_equal(work.err.text, "timed out after 0 ms");
        loop_free(work.loop);
}

static void ask_for_deadline(void *argument)
{
        bool *passed = argument;

        passed[0] = fiber_deadline_has_passed();
        fiber_set_deadline(loop_now_ms() + 60000);
        passed[1] = fiber_deadline_has_passed();
        fiber_set_deadline(loop_now_ms() - 1);
        passed[2] = fiber_deadline_has_passed();
        fiber_set_deadline(0);
        passed[3] = fiber_deadline_has_passed();
}

TEST(knows_when_the_deadline_of_a_fiber_has_passed)
{
        struct loop *loop = loop_new();
        bool passed[4] = { true, true, false, true };

        fiber_start(loop, ask_for_deadline, passed);
        assert_false(passed[0]);
        assert_false(passed[1]);
        assert_true(passed[2]);
        assert_false(passed[3]);
        assert_false(fiber_deadline_has_passed());
        loop_free(loop);
}

TEST(a_time_out_and_a_wake_at_once_are_one)
{
        struct work work = { .loop = loop_new(), .timeout_ms = 3 };
        struct loop_timer *timer = loop_timer_new(work.loop, wake_on_fire, &work.wait);

        fiber_start(work.loop, wait_once, &work);
        loop_timer_set(timer, 3);
        turn_until(work.loop, &work.ended);
        assert_int_equal(fiber_count(), 0);
        loop_timer_free(timer);
        loop_free(work.loop);
}

static void use_the_stack(void *argument)
{
        char big[FIBER_STACK_SIZE / 2];

        memset(big, 'x', sizeof(big));
        snprintf(big, sizeof(big), "%.3f", 1.5);
        *(bool *)argument = strcmp(big, "1.500") == 0;
}

TEST(the_stack_is_large_enough_for_libraries)
{
        struct loop *loop = loop_new();
        bool right = false;

        fiber_start(loop, use_the_stack, &right);
        assert_true(right);
        loop_free(loop);
}

struct crowd {
        struct loop *loop;
        struct wait_crowd crowd;
        int woken, late;
};

static void wait_in_crowd(void *argument)
{
        struct crowd *at = argument;
        struct error err = { 0 };

        *(wait_among(at->loop, &at->crowd, 500, &err) ? &at->woken : &at->late) += 1;
}

TEST(all_of_a_crowd_are_woken_at_once_and_later_ones_are_not)
{
        struct crowd at = { .loop = loop_new() };
        struct error err = { 0 };

        for (int i = 0; i < 3; i++)
                fiber_start(at.loop, wait_in_crowd, &at);
        wait_wake_all(&at.crowd);
        fiber_start(at.loop, wait_in_crowd, &at);
        assert_ok(wait_ms(at.loop, 10, &err));
        assert_true(at.woken == 3 && at.late == 0);
        assert_ok(wait_ms(at.loop, 600, &err));
        assert_true(at.woken == 3 && at.late == 1);
        assert_null(at.crowd.first);
        loop_free(at.loop);
}

static int fill_deeply(int depth)
{
        volatile char room[1024];

        room[0] = (char)depth;
        return depth == 0 ? room[0] : fill_deeply(depth - 1) + room[0] - (char)depth;
}

static void trim_and_go_on(void *argument)
{
        struct crowd *at = argument;
        struct error err = { 0 };
        int before = fill_deeply(40);

        fiber_trim();
        bool woken = wait_among(at->loop, &at->crowd, 2000, &err);
        at->woken = woken && before == 0 && fill_deeply(40) == 0;
}

TEST(a_trimmed_stack_keeps_what_is_in_use_and_can_grow_again)
{
        struct crowd at = { .loop = loop_new() };
        struct error err = { 0 };

        fiber_trim(); /* nothing on the main stack */
        fiber_start(at.loop, trim_and_go_on, &at);
        wait_wake_all(&at.crowd);
        assert_ok(wait_ms(at.loop, 10, &err));
        assert_int_equal(at.woken, 1);
        loop_free(at.loop);
}

TEST(says_when_there_is_something_to_read_or_that_nothing_came)
{
        struct loop *loop = loop_new();
        int ends[2];
        struct error err = { 0 };

        assert_int_equal(pipe(ends), 0);
        assert_fails(wait_readable(loop, ends[0], 1, &err), ERROR_UNAVAILABLE, "timed out");
        assert_int_equal(write(ends[1], "x", 1), 1);
        assert_ok(wait_readable(loop, ends[0], 60000, &err));
        close(ends[0]);
        close(ends[1]);
        loop_free(loop);
}
