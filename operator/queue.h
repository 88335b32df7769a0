/* queue.h - keys waiting, each once, each with the time at which it is due. */
#pragma once

#include "lib/error.h"

/* Lives in what is queued; { .owner = it } is one that waits nowhere. */
struct queue_item {
        void *owner;
        int64_t due_ms; /* by loop_now_ms() */
        size_t place;   /* in the heap, counted from 1; 0: not queued */
};

/* { 0 } is an empty one. */
struct queue {
        struct queue_item **heap;
        size_t count, capacity;
};

void queue_clear(struct queue *queue);

/* Queues the item, or moves it when it is queued. */
void queue_set(struct queue *queue, struct queue_item *item, int64_t due_ms);
/* As queue_set, but never later than it already was. */
void queue_set_earlier(struct queue *queue, struct queue_item *item, int64_t due_ms);
void queue_remove(struct queue *queue, struct queue_item *item);
/* Takes out the one that is due longest, or NULL when none is. */
struct queue_item *queue_take_due(struct queue *queue, int64_t now_ms);
/* When the first one is due; false when the queue is empty. */
bool queue_next_due(const struct queue *queue, int64_t *due_ms);

/* How long to wait after that many failures in a row: 1 s doubling, at most 10 s, with jitter. */
int64_t queue_backoff_ms(unsigned failures);
