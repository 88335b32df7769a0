#include "lib/http/turns.h"

#include "lib/fiber.h"
#include "lib/loop.h"

struct turn {
        TAILQ_ENTRY(turn) entry;
        struct wait wait;
        bool granted;
};

void turns_init(struct turns *turns, struct loop *loop, size_t most)
{
        *turns = (struct turns){ .loop = loop, .most = most > 0 ? most : 1 };
        TAILQ_INIT(&turns->waiting);
}

/* A turn given back goes to the longest waiting, so that nobody is overtaken. */
void turns_give(struct turns *turns)
{
        struct turn *next = TAILQ_FIRST(&turns->waiting);

        if (!next || turns->closed) {
                turns->taken--;
                return;
        }
        TAILQ_REMOVE(&turns->waiting, next, entry);
        next->granted = true;
        wait_wake(&next->wait);
}

bool turns_take(struct turns *turns, int64_t deadline_ms, struct error *err)
{
        struct turn turn = { 0 };

        if (turns->taken < turns->most) {
                turns->taken++;
                return true;
        }
        TAILQ_INSERT_TAIL(&turns->waiting, &turn, entry);
        bool woken = wait_for(turns->loop, &turn.wait, loop_left_ms(deadline_ms), err);
        if (woken && turn.granted && !turns->closed)
                return true;
        if (turn.granted)
                turns_give(turns);
        else
                TAILQ_REMOVE(&turns->waiting, &turn, entry);
        if (fiber_is_cancelled())
                return false;
        if (turns->closed)
                return error_set(err, ERROR_UNAVAILABLE, "the client was closed");
        return error_set(err, ERROR_UNAVAILABLE, "no turn in time: %zu calls are under way",
                         turns->taken);
}

void turns_close(struct turns *turns)
{
        struct turn *turn;

        turns->closed = true;
        TAILQ_FOREACH(turn, &turns->waiting, entry)
        wait_wake(&turn->wait);
}
