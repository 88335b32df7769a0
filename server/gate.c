#include "server/gate.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define KNOWN_COUNT 512 /* connections remembered */
#define PEER_SIZE 64    /* "[v6]:port" */
#define WAIT_MS 2000    /* longest turn waited for */
#define UNKNOWN_EVERY_MS 500
#define UNKNOWN_BURST 2

struct waiter {
        struct waiter *next;
        struct wait wait;
        bool granted;
};

struct gate {
        struct loop *loop;
        bool busy;
        struct waiter *first; /* the queue, newest first */
        size_t waiting, waiting_most;
        int64_t credit_ms; /* UNKNOWN_EVERY_MS pays for one that finds nobody */
        int64_t credited_at_ms;
        char known[KNOWN_COUNT][PEER_SIZE];
        size_t known_next;
};

struct gate *gate_new(struct loop *loop, size_t waiting_most)
{
        struct gate *gate = xcalloc(1, sizeof(*gate));

        gate->loop = loop;
        gate->waiting_most = waiting_most;
        gate->credit_ms = (int64_t)UNKNOWN_EVERY_MS * UNKNOWN_BURST;
        gate->credited_at_ms = loop_now_ms();
        return gate;
}

void gate_free(struct gate *gate)
{
        free(gate);
}

static size_t find_known(const struct gate *gate, const char *peer)
{
        size_t i = 0;

        while (i < KNOWN_COUNT && strcmp(gate->known[i], peer) != 0)
                i++;
        return i;
}

static void note_finding(struct gate *gate, const char *peer, enum gate_finding finding)
{
        size_t place = find_known(gate, peer);

        if (finding == GATE_KNOWN && place == KNOWN_COUNT) {
                snprintf(gate->known[gate->known_next], PEER_SIZE, "%s", peer);
                gate->known_next = (gate->known_next + 1) % KNOWN_COUNT;
        }
        if (finding == GATE_UNKNOWN && place < KNOWN_COUNT)
                gate->known[place][0] = '\0';
        if (finding == GATE_UNKNOWN)
                gate->credit_ms -= UNKNOWN_EVERY_MS;
}

/* The turn goes to whoever came last, without a moment in which it is free: a crowd of strangers
 * that keeps waiting does not stand in a newcomer's way. */
static void pass_on(struct gate *gate)
{
        struct waiter *next = gate->first;

        gate->busy = next != NULL;
        if (next == NULL)
                return;
        gate->first = next->next;
        gate->waiting--;
        next->granted = true;
        wait_wake(&next->wait);
}

static void leave_queue(struct gate *gate, struct waiter *waiter)
{
        for (struct waiter **link = &gate->first; *link != NULL; link = &(*link)->next)
                if (*link == waiter) {
                        *link = waiter->next;
                        gate->waiting--;
                        return;
                }
}

static bool queue_up(struct gate *gate, struct error *err)
{
        struct waiter waiter = { .next = gate->first };

        if (gate->waiting >= gate->waiting_most)
                return error_set(err, ERROR_UNAVAILABLE, "too many unknown callers at once");
        gate->first = &waiter;
        gate->waiting++;
        if (wait_for(gate->loop, &waiter.wait, WAIT_MS, err))
                return true;
        if (waiter.granted)
                pass_on(gate);
        else
                leave_queue(gate, &waiter);
        return error_wrap(err, "too many unknown callers");
}

/* Earns credit by the time gone by; sleeps until one failure can be paid. */
static bool wait_for_credit(struct gate *gate, struct error *err)
{
        int64_t now_ms = loop_now_ms();

        gate->credit_ms += now_ms - gate->credited_at_ms;
        gate->credited_at_ms = now_ms;
        if (gate->credit_ms > (int64_t)UNKNOWN_EVERY_MS * UNKNOWN_BURST)
                gate->credit_ms = (int64_t)UNKNOWN_EVERY_MS * UNKNOWN_BURST;
        return gate->credit_ms >= UNKNOWN_EVERY_MS ||
               wait_ms(gate->loop, UNKNOWN_EVERY_MS - gate->credit_ms, err);
}

bool gate_enter(struct gate *gate, const char *peer, bool *held, struct error *err)
{
        *held = false;
        if (peer[0] != '\0' && find_known(gate, peer) < KNOWN_COUNT)
                return true;
        if (gate->busy && !queue_up(gate, err))
                return false;
        gate->busy = true;
        if (!wait_for_credit(gate, err)) {
                pass_on(gate);
                return false;
        }
        *held = true;
        return true;
}

void gate_leave(struct gate *gate, const char *peer, bool held, enum gate_finding finding)
{
        note_finding(gate, peer, finding);
        if (held)
                pass_on(gate);
}
