/* queue.h - keys waiting, each once, by how urgent they are and by the time at which they are due.
 */
#pragma once

#include "lib/error.h"

/* What is to be done about a session, the most urgent first. */
enum urgency {
        URGENCY_END,       /* rights to take away, or soon */
        URGENCY_CLEAN,     /* its rights are gone: what is left of it */
        URGENCY_PROVISION, /* everything else */
        URGENCIES,
};

/* Lives in what is queued; { .owner = it } is one that waits nowhere. */
struct queue_item {
        void *owner;
        enum urgency urgency;
        int64_t due_ms; /* by loop_now_ms() */
        size_t place;   /* in the heap, counted from 1; 0: not queued */
};

struct queue_heap {
        struct queue_item **items;
        size_t count, capacity;
};

/* { 0 } is an empty one. */
struct queue {
        struct queue_heap heaps[URGENCIES];
};

void queue_clear(struct queue *queue);

/* Queues the item, or moves it when it is queued. */
void queue_set(struct queue *queue, struct queue_item *item, enum urgency urgency, int64_t due_ms);
/* As queue_set, but never later than it already was. */
void queue_set_earlier(struct queue *queue, struct queue_item *item, enum urgency urgency,
                       int64_t due_ms);
void queue_remove(struct queue *queue, struct queue_item *item);
/* Takes out the one of that urgency that is due longest, or NULL when none is. */
struct queue_item *queue_take_due(struct queue *queue, enum urgency urgency, int64_t now_ms);
bool queue_has_due(const struct queue *queue, enum urgency urgency, int64_t now_ms);
/* When the first is due of all that are at least that urgent; false when there is none. */
bool queue_next_due(const struct queue *queue, enum urgency least, int64_t *due_ms);
size_t queue_count(const struct queue *queue);

/* How long to wait after that many failures in a row: 1 s doubling, at most 10 s, with jitter. */
int64_t queue_backoff_ms(unsigned failures);
