#include "tests/unit/test.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "operator/queue.h"

static void scoped_queue_clear(struct queue *queue)
{
        queue_clear(queue);
}

TEST(gives_what_is_due_longest_first)
{
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        struct queue_item items[3] = { 0 };

        queue_set(&queue, &items[0], URGENCY_END, 300);
        queue_set(&queue, &items[1], URGENCY_END, 100);
        queue_set(&queue, &items[2], URGENCY_END, 200);

        assert_ptr_equal(queue_take_due(&queue, URGENCY_END, 1000), &items[1]);
        assert_ptr_equal(queue_take_due(&queue, URGENCY_END, 1000), &items[2]);
        assert_ptr_equal(queue_take_due(&queue, URGENCY_END, 1000), &items[0]);
        assert_null(queue_take_due(&queue, URGENCY_END, 1000));
}

TEST(keeps_what_is_not_due_yet)
{
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        struct queue_item item = { 0 };

        queue_set(&queue, &item, URGENCY_END, 100);

        assert_null(queue_take_due(&queue, URGENCY_END, 99));
        assert_ptr_equal(queue_take_due(&queue, URGENCY_END, 100), &item);
        assert_int_equal(item.place, 0);
}

TEST(holds_each_key_once)
{
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        struct queue_item item = { 0 };

        queue_set(&queue, &item, URGENCY_END, 100);
        queue_set(&queue, &item, URGENCY_END, 50);
        queue_set(&queue, &item, URGENCY_END, 70);

        assert_int_equal(queue_count(&queue), 1);
        assert_int_equal(item.due_ms, 70);
}

TEST(brings_forward_but_does_not_put_off)
{
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        struct queue_item item = { 0 };

        queue_set_earlier(&queue, &item, URGENCY_END, 100);
        queue_set_earlier(&queue, &item, URGENCY_END, 200);
        assert_int_equal(item.due_ms, 100);
        queue_set_earlier(&queue, &item, URGENCY_END, 50);
        assert_int_equal(item.due_ms, 50);
}

TEST(removes_what_is_not_queued_without_harm)
{
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        struct queue_item item = { 0 };
        int64_t due_ms = -1;

        queue_remove(&queue, &item);
        assert_false(queue_next_due(&queue, URGENCY_PROVISION, &due_ms));
        assert_int_equal(due_ms, -1);
}

TEST(moves_to_what_is_more_urgent_and_keeps_its_time)
{
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        struct queue_item item = { 0 };

        queue_set_earlier(&queue, &item, URGENCY_PROVISION, 100);
        queue_set_earlier(&queue, &item, URGENCY_END, 200);

        assert_int_equal(queue_count(&queue), 1);
        assert_null(queue_take_due(&queue, URGENCY_PROVISION, 1000));
        assert_true(queue_has_due(&queue, URGENCY_END, 100));
        assert_ptr_equal(queue_take_due(&queue, URGENCY_END, 100), &item);
}

TEST(tells_the_next_of_those_that_are_urgent_enough)
{
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        struct queue_item items[3] = { 0 };
        int64_t due_ms = 0;

        queue_set(&queue, &items[0], URGENCY_PROVISION, 100);
        assert_false(queue_next_due(&queue, URGENCY_CLEAN, &due_ms));
        queue_set(&queue, &items[1], URGENCY_CLEAN, 300);
        queue_set(&queue, &items[2], URGENCY_END, 200);

        assert_true(queue_next_due(&queue, URGENCY_CLEAN, &due_ms));
        assert_int_equal(due_ms, 200);
        assert_true(queue_next_due(&queue, URGENCY_PROVISION, &due_ms));
        assert_int_equal(due_ms, 100);
}

/* The order must hold whatever is moved and removed in between. */
TEST(stays_in_order_through_thousands_of_moves)
{
        enum { COUNT = 500 };
        scoped(scoped_queue_clear) struct queue queue = { 0 };
        static struct queue_item items[COUNT];
        int64_t last_ms = 0;
        size_t taken = 0;

        srandom(7);
        for (size_t i = 0; i < COUNT; i++)
                queue_set(&queue, &items[i], URGENCY_END, random() % 10000);
        for (size_t i = 0; i < 5000; i++)
                queue_set(&queue, &items[random() % COUNT], URGENCY_END, random() % 10000);
        for (size_t i = 0; i < COUNT; i += 5)
                queue_remove(&queue, &items[i]);

        for (struct queue_item *item = NULL;
             (item = queue_take_due(&queue, URGENCY_END, INT64_MAX)); taken++) {
                assert_true(item->due_ms >= last_ms);
                last_ms = item->due_ms;
        }
        assert_int_equal(taken, COUNT - COUNT / 5);
}

TEST(backs_off_from_one_second_to_ten_and_no_further)
{
        static const int64_t most_ms[] = { 1000, 2000, 4000, 8000, 10000, 10000 };

        for (unsigned failures = 0; failures < ARRAY_LENGTH(most_ms); failures++) {
                int64_t delay_ms = queue_backoff_ms(failures);

                assert_in_range(delay_ms, most_ms[failures] * 3 / 4, most_ms[failures]);
        }
        assert_in_range(queue_backoff_ms(4000000000U), 7500, 10000);
}
