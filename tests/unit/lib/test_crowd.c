#include "lib/crowd.h"

#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

struct party {
        struct loop *loop;
        int64_t wait_ms[3];
        bool waited[3];
        size_t inside, most;
};

static void take_part(void *owner, size_t index)
{
        struct party *party = owner;
        struct error err = { 0 };

        party->inside++;
        if (party->inside > party->most)
                party->most = party->inside;
        struct wait wait = { 0 };
        party->waited[index] = !wait_for(party->loop, &wait, party->wait_ms[index], &err);
        party->inside--;
}

static void free_loop(struct loop **loop)
{
        loop_free(*loop);
}

TEST(runs_all_side_by_side_and_ends_the_last_in_time)
{
        scoped(free_loop) struct loop *loop = loop_new();
        struct party party = {
                .loop = loop, .wait_ms = { 1, 20, 60000 }
        };
        int64_t began_ms = loop_now_ms();

        crowd_run(loop, 3, take_part, &party, 50);
        assert_int_equal(party.most, 3);
        assert_int_equal(party.inside, 0);
        assert_true(party.waited[0] && party.waited[1] && party.waited[2]);
        assert_true(loop_now_ms() - began_ms < 30000);
}

TEST(waits_for_nobody_when_there_is_nobody)
{
        scoped(free_loop) struct loop *loop = loop_new();

        crowd_run(loop, 0, NULL, NULL, 60000);
}
