#include "operator/queue.h"

#include <stdlib.h>

#include "lib/memory.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_CAP_MS 10000
#define BACKOFF_DOUBLINGS 4

/* The heap counts from 1: the children of n are 2n and 2n + 1. */
static struct queue_item **at(const struct queue *queue, size_t place)
{
        return &queue->heap[place - 1];
}

static void put(struct queue *queue, size_t place, struct queue_item *item)
{
        *at(queue, place) = item;
        item->place = place;
}

static void sift_up(struct queue *queue, struct queue_item *item)
{
        size_t place = item->place;

        for (; place > 1 && (*at(queue, place / 2))->due_ms > item->due_ms; place /= 2)
                put(queue, place, *at(queue, place / 2));
        put(queue, place, item);
}

static size_t earlier_child(const struct queue *queue, size_t place)
{
        size_t child = place * 2;

        if (child < queue->count && (*at(queue, child + 1))->due_ms < (*at(queue, child))->due_ms)
                child++;
        return child;
}

static void sift_down(struct queue *queue, struct queue_item *item)
{
        size_t place = item->place;

        while (place * 2 <= queue->count) {
                size_t child = earlier_child(queue, place);

                if ((*at(queue, child))->due_ms >= item->due_ms)
                        break;
                put(queue, place, *at(queue, child));
                place = child;
        }
        put(queue, place, item);
}

void queue_clear(struct queue *queue)
{
        for (size_t place = 1; place <= queue->count; place++)
                (*at(queue, place))->place = 0;
        free((void *)queue->heap);
        *queue = (struct queue){ 0 };
}

void queue_set(struct queue *queue, struct queue_item *item, int64_t due_ms)
{
        item->due_ms = due_ms;
        if (item->place == 0) {
                if (queue->count == queue->capacity) {
                        queue->capacity = queue->capacity * 2 + 16;
                        queue->heap = (struct queue_item **)xrealloc(
                                (void *)queue->heap, queue->capacity * sizeof(struct queue_item *));
                }
                put(queue, ++queue->count, item);
        }
        sift_up(queue, item);
        sift_down(queue, item);
}

void queue_set_earlier(struct queue *queue, struct queue_item *item, int64_t due_ms)
{
        if (item->place == 0 || item->due_ms > due_ms)
                queue_set(queue, item, due_ms);
}

void queue_remove(struct queue *queue, struct queue_item *item)
{
        size_t place = item->place;

        if (place == 0)
                return;

        struct queue_item *last = *at(queue, queue->count--);
        item->place = 0;
        if (last == item)
                return;
        put(queue, place, last);
        sift_up(queue, last);
        sift_down(queue, last);
}

struct queue_item *queue_take_due(struct queue *queue, int64_t now_ms)
{
        int64_t due_ms = 0;

        if (!queue_next_due(queue, &due_ms) || due_ms > now_ms)
                return NULL;

        struct queue_item *first = *at(queue, 1);
        queue_remove(queue, first);
        return first;
}

bool queue_next_due(const struct queue *queue, int64_t *due_ms)
{
        if (queue->count == 0)
                return false;
        *due_ms = (*at(queue, 1))->due_ms;
        return true;
}

int64_t queue_backoff_ms(unsigned failures)
{
        unsigned doublings = failures > BACKOFF_DOUBLINGS ? BACKOFF_DOUBLINGS : failures;
        uint32_t delay = BACKOFF_FIRST_MS << doublings;

        if (delay > BACKOFF_CAP_MS)
                delay = BACKOFF_CAP_MS;
        return delay - arc4random_uniform(delay / 4);
}
