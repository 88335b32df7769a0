#include "server/gate.h"

#include <stdio.h>

#include "lib/fiber.h"
#include "lib/loop.h"
#include "tests/unit/test.h"

static void look_up(struct gate *gate, const char *peer, enum gate_finding finding)
{
        struct error err = { 0 };
        bool held = false;

        assert_ok(gate_enter(gate, peer, &held, &err));
        gate_leave(gate, peer, held, finding);
}

TEST(those_who_are_known_pay_nothing)
{
        struct loop *loop = loop_new();
        struct gate *gate = gate_new(loop, 64);
        int64_t before = loop_now_ms();

        for (int i = 0; i < 1000; i++)
                look_up(gate, "127.0.0.1:1000", GATE_KNOWN);
        assert_true(loop_now_ms() - before < 60000); /* strangers would take 500 s */
        gate_free(gate);
        loop_free(loop);
}

TEST(strangers_are_looked_up_twice_a_second)
{
        struct loop *loop = loop_new();
        struct gate *gate = gate_new(loop, 64);
        int64_t before = loop_now_ms(), shortest_ms = INT64_MAX;

        for (int i = 0; i < 4; i++) {
                int64_t began_ms = loop_now_ms();
                look_up(gate, "127.0.0.1:1000", GATE_UNKNOWN);
                if (i >= 2 && loop_now_ms() - began_ms < shortest_ms)
                        shortest_ms = loop_now_ms() - began_ms;
        }
        assert_true(loop_now_ms() - before >= 900);
        assert_true(shortest_ms < 900);
        gate_free(gate);
        loop_free(loop);
}

TEST(a_known_connection_passes_while_a_stranger_is_looked_up)
{
        struct loop *loop = loop_new();
        struct gate *gate = gate_new(loop, 64);
        struct error err = { 0 };
        bool held = false, other = true;

        look_up(gate, "127.0.0.1:2000", GATE_KNOWN);
        assert_ok(gate_enter(gate, "127.0.0.1:1000", &held, &err));
        assert_true(held);
        assert_ok(gate_enter(gate, "127.0.0.1:2000", &other, &err));
        assert_false(other);
        gate_leave(gate, "127.0.0.1:2000", other, GATE_KNOWN);
        assert_fails(gate_enter(gate, "127.0.0.1:3000", &other, &err), ERROR_UNAVAILABLE,
                     "too many unknown callers");
        gate_leave(gate, "127.0.0.1:1000", held, GATE_UNKNOWN);
        gate_free(gate);
        loop_free(loop);
}

struct newcomer {
        struct loop *loop;
        struct gate *gate;
        int passed, refused;
};

/* Looked up at the next turn of the loop, and known: a crowd waits 2 s at most for its turns. */
static void come(void *argument)
{
        struct newcomer *all = argument;
        struct error err = { 0 };
        bool held = false;
        char name[16];

        snprintf(name, sizeof(name), "10.0.0.1:%d", all->passed);
        if (!gate_enter(all->gate, name, &held, &err)) {
                all->refused++;
                return;
        }
        (void)!wait_ms(all->loop, 0, &err);
        gate_leave(all->gate, name, held, GATE_KNOWN);
        all->passed++;
}

TEST(a_crowd_of_newcomers_waits_and_passes_up_to_its_limit)
{
        struct newcomer all = { .loop = loop_new() };
        struct error err = { 0 };

        all.gate = gate_new(all.loop, 300);
        for (int i = 0; i < 310; i++)
                fiber_start(all.loop, come, &all);
        assert_int_equal(all.refused, 9); /* one is being looked up, 300 wait */
        for (int i = 0; i < 500 && fiber_count() > 0; i++)
                assert_ok(wait_ms(all.loop, 10, &err));
        assert_int_equal(all.passed, 301);
        gate_free(all.gate);
        loop_free(all.loop);
}
