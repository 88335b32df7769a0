#include "server/quota.h"

#include <stdio.h>

#include "tests/unit/test.h"

static void free_quota(struct quota **quota)
{
        quota_free(*quota);
}

static int take_as_many_as_go(struct quota *quota, const char *caller, int64_t now_ms)
{
        struct error err = { 0 };
        int64_t wait_seconds = 0;
        int taken = 0;

        while (taken < 100000 && quota_take(quota, caller, now_ms, &wait_seconds, &err))
                taken++;
        return taken;
}

TEST(a_caller_has_a_burst_and_then_so_many_a_second)
{
        scoped(free_quota) struct quota *quota = quota_new(20, 100);

        assert_int_equal(take_as_many_as_go(quota, "n1", 5000), 100);
        assert_int_equal(take_as_many_as_go(quota, "n1", 5049), 0);
        assert_int_equal(take_as_many_as_go(quota, "n1", 5050), 1);
        assert_int_equal(take_as_many_as_go(quota, "n1", 6050), 20);
        assert_int_equal(take_as_many_as_go(quota, "n1", INT64_MAX), 100);
}

TEST(one_caller_takes_nothing_from_another)
{
        scoped(free_quota) struct quota *quota = quota_new(1, 5);

        assert_int_equal(take_as_many_as_go(quota, "n1", 0), 5);
        assert_int_equal(take_as_many_as_go(quota, "n2", 0), 5);
}

TEST(says_how_long_to_wait)
{
        scoped(free_quota) struct quota *quota = quota_new(1, 1);
        struct error err = { 0 };
        int64_t wait_seconds = -1;

        assert_ok(quota_take(quota, "n1", 0, &wait_seconds, &err));
        assert_int_equal(wait_seconds, -1);
        assert_fails(quota_take(quota, "n1", 0, &wait_seconds, &err), ERROR_UNAVAILABLE,
                     "more than 1 times a second");
        assert_int_equal(err.http_status, 429);
        assert_int_equal(wait_seconds, 1);
}

TEST(without_a_rate_there_is_no_limit)
{
        scoped(free_quota) struct quota *quota = quota_new(0, 1);

        assert_int_equal(take_as_many_as_go(quota, "n1", 0), 100000);
}

TEST(a_clock_that_stands_still_or_steps_back_gives_nothing_away)
{
        scoped(free_quota) struct quota *quota = quota_new(10, 10);

        assert_int_equal(take_as_many_as_go(quota, "n1", 90000), 10);
        assert_int_equal(take_as_many_as_go(quota, "n1", 1), 0);
}

TEST(a_crowd_of_callers_makes_nobody_forgotten_who_has_asked_too_much)
{
        scoped(free_quota) struct quota *quota = quota_new(1, 50);
        char name[32];

        assert_int_equal(take_as_many_as_go(quota, "n1", 0), 50);
        for (int i = 0; i < 3000; i++) {
                struct error err = { 0 };
                int64_t wait_seconds = 0;

                snprintf(name, sizeof(name), "other%d", i);
                assert_ok(quota_take(quota, name, 0, &wait_seconds, &err));
        }
        assert_int_equal(take_as_many_as_go(quota, "n1", 0), 0);
}
