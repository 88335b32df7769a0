#include "lib/crowd.h"

#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"

struct crowd {
        void (*run)(void *owner, size_t index);
        void *owner;
        int64_t deadline_ms;
        size_t left;
        struct wait all_done;
};

struct member {
        struct crowd *crowd;
        size_t index;
};

static void run_member(void *argument)
{
        struct member *member = argument;
        struct crowd *crowd = member->crowd;

        fiber_set_deadline(crowd->deadline_ms);
        crowd->run(crowd->owner, member->index);
        if (--crowd->left == 0)
                wait_wake(&crowd->all_done);
}

void crowd_run(struct loop *loop, size_t count, void (*run)(void *owner, size_t index), void *owner,
               int64_t timeout_ms)
{
        scoped_free struct member *members = xcalloc(count + 1, sizeof(*members));
        struct crowd crowd = {
                .run = run, .owner = owner, .deadline_ms = loop_now_ms() + timeout_ms, .left = count
        };
        struct error never = { 0 };

        if (count == 0)
                return;
        for (size_t i = 0; i < count; i++) {
                members[i] = (struct member){ &crowd, i };
                fiber_start(loop, run_member, &members[i]);
        }
        while (crowd.left > 0)
                if (!wait_for(loop, &crowd.all_done, -1, &never))
                        break;
}
