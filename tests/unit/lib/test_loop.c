#include "lib/loop.h"

#include <signal.h>
#include <unistd.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

/* What happened, in order. */
struct record {
        struct loop *loop;
        struct loop_timer *timer;
        char text[32];
        int count;
};

static void note(struct record *record, char c)
{
        record->text[strlen(record->text)] = c;
}

static void note_a(void *owner)
{
        note(owner, 'a');
}

static void note_b(void *owner)
{
        note(owner, 'b');
}

static void stop(void *owner)
{
        struct record *record = owner;

        note(record, 's');
        loop_stop(record->loop);
}

TEST(fires_timers_in_the_order_of_their_times)
{
        struct record record = { .loop = loop_new() };
        struct loop_timer *late = loop_timer_new(record.loop, note_b, &record);
        struct loop_timer *early = loop_timer_new(record.loop, note_a, &record);
        struct loop_timer *last = loop_timer_new(record.loop, stop, &record);

        loop_timer_set(last, 30);
        loop_timer_set(late, 15);
        loop_timer_set(early, 1);
        loop_run(record.loop);
        assert_string_equal(record.text, "abs");
        loop_timer_free(late);
        loop_timer_free(early);
        loop_timer_free(last);
        loop_free(record.loop);
}

TEST(never_fires_a_timer_early)
{
        struct record record = { .loop = loop_new() };
        struct loop_timer *timer = loop_timer_new(record.loop, stop, &record);

        for (int delay_ms = 0; delay_ms < 12; delay_ms++) {
                int64_t start_ms = loop_now_ms();

                memset(record.text, 0, sizeof(record.text));
                loop_timer_set(timer, delay_ms);
                loop_run(record.loop);
                assert_true(loop_now_ms() - start_ms >= delay_ms);
        }
        loop_timer_free(timer);
        loop_free(record.loop);
}

TEST(setting_a_timer_again_moves_it)
{
        struct record record = { .loop = loop_new() };
        struct loop_timer *moved = loop_timer_new(record.loop, note_a, &record);
        struct loop_timer *last = loop_timer_new(record.loop, stop, &record);

        loop_timer_set(moved, 1);
        loop_timer_set(moved, 20000);
        loop_timer_set(last, 10);
        loop_run(record.loop);
        assert_string_equal(record.text, "s");
        loop_timer_free(moved);
        loop_timer_free(last);
        loop_free(record.loop);
}

TEST(a_stopped_timer_does_not_fire)
{
        struct record record = { .loop = loop_new() };
        struct loop_timer *stopped = loop_timer_new(record.loop, note_a, &record);
        struct loop_timer *last = loop_timer_new(record.loop, stop, &record);

        loop_timer_set(stopped, 1);
        loop_timer_stop(stopped);
        loop_timer_stop(stopped);
        loop_timer_set(last, 5);
        loop_run(record.loop);
        assert_string_equal(record.text, "s");
        loop_timer_free(stopped);
        loop_timer_free(last);
        loop_timer_free(NULL);
        loop_free(record.loop);
}

TEST(a_loop_stopped_before_it_runs_ends_at_once)
{
        struct record record = { .loop = loop_new() };

        loop_stop(record.loop);
        loop_run(record.loop);
        loop_free(record.loop);
        loop_free(NULL);
}

TEST(runs_deferred_tasks_in_order_and_each_once)
{
        struct record record = { .loop = loop_new() };
        struct loop_task a = { .run = note_a, .owner = &record };
        struct loop_task b = { .run = note_b, .owner = &record };
        struct loop_task dropped = { .run = note_b, .owner = &record };
        struct loop_task last = { .run = stop, .owner = &record };

        loop_defer(record.loop, &a);
        loop_defer(record.loop, &dropped);
        loop_defer(record.loop, &b);
        loop_defer(record.loop, &a);
        loop_defer(record.loop, &last);
        loop_drop(record.loop, &dropped);
        loop_drop(record.loop, &dropped);
        loop_run(record.loop);
        assert_string_equal(record.text, "abs");
        loop_free(record.loop);
}

static void defer_again(void *owner)
{
        struct record *record = owner;
        static struct loop_task task;

        task = (struct loop_task){ .run = defer_again, .owner = owner };
        record->count++;
        loop_defer(record->loop, &task);
}

TEST(a_task_that_always_comes_back_does_not_starve_the_timers)
{
        struct record record = { .loop = loop_new() };
        struct loop_timer *last = loop_timer_new(record.loop, stop, &record);

        defer_again(&record);
        loop_timer_set(last, 5);
        loop_run(record.loop);
        assert_true(record.count > 1);
        loop_timer_free(last);
        loop_free(record.loop);
}

TEST(tells_of_signals_on_the_loop)
{
        struct record record = { .loop = loop_new() };

        loop_on_signal(record.loop, SIGUSR1, note_a, &record);
        loop_on_signal(record.loop, SIGUSR2, stop, &record);
        raise(SIGUSR1);
        raise(SIGUSR2);
        assert_string_equal(record.text, "");
        loop_run(record.loop);
        assert_int_equal(strlen(record.text), 2);
        loop_free(record.loop);
}

static void dawdle(void *owner)
{
        (void)owner;
        usleep(50000);
}

TEST(measures_how_late_its_timers_are)
{
        struct record record = { .loop = loop_new() };
        struct loop_timer *slow = loop_timer_new(record.loop, dawdle, &record);
        struct loop_timer *last = loop_timer_new(record.loop, stop, &record);

        loop_timer_set(slow, 1);
        loop_timer_set(last, 2);
        loop_run(record.loop);
        assert_true(loop_lag_ms(record.loop) >= 40);
        loop_timer_free(slow);
        loop_timer_free(last);
        loop_free(record.loop);
}
