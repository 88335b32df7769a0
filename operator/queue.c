#include "operator/queue.h"

#include <stdlib.h>

#include "lib/memory.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_CAP_MS 10000
#define BACKOFF_DOUBLINGS 4

/* The heap counts from 1: the children of n are 2n and 2n + 1. */
static struct queue_item **at(const struct queue_heap *heap, size_t place)
{
        return &heap->items[place - 1];
}

static void put(struct queue_heap *heap, size_t place, struct queue_item *item)
{
        *at(heap, place) = item;
        item->place = place;
}

static void sift_up(struct queue_heap *heap, struct queue_item *item)
{
        size_t place = item->place;

        for (; place > 1 && (*at(heap, place / 2))->due_ms > item->due_ms; place /= 2)
                put(heap, place, *at(heap, place / 2));
        put(heap, place, item);
}

static size_t earlier_child(const struct queue_heap *heap, size_t place)
{
        size_t child = place * 2;

        if (child < heap->count && (*at(heap, child + 1))->due_ms < (*at(heap, child))->due_ms)
                child++;
        return child;
}

static void sift_down(struct queue_heap *heap, struct queue_item *item)
{
        size_t place = item->place;

        while (place * 2 <= heap->count) {
                size_t child = earlier_child(heap, place);

                if ((*at(heap, child))->due_ms >= item->due_ms)
                        break;
                put(heap, place, *at(heap, child));
                place = child;
        }
        put(heap, place, item);
}

static void clear_heap(struct queue_heap *heap)
{
        for (size_t place = 1; place <= heap->count; place++)
                (*at(heap, place))->place = 0;
        free((void *)heap->items);
}

void queue_clear(struct queue *queue)
{
        for (size_t i = 0; i < URGENCIES; i++)
                clear_heap(&queue->heaps[i]);
        *queue = (struct queue){ 0 };
}

static void append(struct queue_heap *heap, struct queue_item *item)
{
        if (heap->count == heap->capacity) {
                heap->capacity = heap->capacity * 2 + 16;
                heap->items = (struct queue_item **)xrealloc(
                        (void *)heap->items, heap->capacity * sizeof(struct queue_item *));
        }
        put(heap, ++heap->count, item);
}

void queue_set(struct queue *queue, struct queue_item *item, enum urgency urgency, int64_t due_ms)
{
        struct queue_heap *heap = &queue->heaps[urgency];

        if (item->place != 0 && item->urgency != urgency)
                queue_remove(queue, item);
        item->urgency = urgency;
        item->due_ms = due_ms;
        if (item->place == 0)
                append(heap, item);
        sift_up(heap, item);
        sift_down(heap, item);
}

void queue_set_earlier(struct queue *queue, struct queue_item *item, enum urgency urgency,
                       int64_t due_ms)
{
        bool sooner = item->place != 0 && item->due_ms < due_ms;

        queue_set(queue, item, urgency, sooner ? item->due_ms : due_ms);
}

void queue_remove(struct queue *queue, struct queue_item *item)
{
        struct queue_heap *heap = &queue->heaps[item->urgency];
        size_t place = item->place;

        if (place == 0)
                return;

        struct queue_item *last = *at(heap, heap->count--);
        item->place = 0;
        if (last == item)
                return;
        put(heap, place, last);
        sift_up(heap, last);
        sift_down(heap, last);
}

bool queue_has_due(const struct queue *queue, enum urgency urgency, int64_t now_ms)
{
        const struct queue_heap *heap = &queue->heaps[urgency];

        return heap->count > 0 && (*at(heap, 1))->due_ms <= now_ms;
}

struct queue_item *queue_take_due(struct queue *queue, enum urgency urgency, int64_t now_ms)
{
        if (!queue_has_due(queue, urgency, now_ms))
                return NULL;

        struct queue_item *first = *at(&queue->heaps[urgency], 1);
        queue_remove(queue, first);
        return first;
}

bool queue_next_due(const struct queue *queue, enum urgency least, int64_t *due_ms)
{
        bool found = false;

        for (size_t i = 0; i <= least; i++) {
                const struct queue_heap *heap = &queue->heaps[i];

                if (heap->count == 0 || (found && (*at(heap, 1))->due_ms >= *due_ms))
                        continue;
                *due_ms = (*at(heap, 1))->due_ms;
                found = true;
        }
        return found;
}

size_t queue_count(const struct queue *queue)
{
        size_t count = 0;

        for (size_t i = 0; i < URGENCIES; i++)
                count += queue->heaps[i].count;
        return count;
}

int64_t queue_backoff_ms(unsigned failures)
{
        unsigned doublings = failures > BACKOFF_DOUBLINGS ? BACKOFF_DOUBLINGS : failures;
        uint32_t delay = BACKOFF_FIRST_MS << doublings;

        if (delay > BACKOFF_CAP_MS)
                delay = BACKOFF_CAP_MS;
        return delay - arc4random_uniform(delay / 4);
}
