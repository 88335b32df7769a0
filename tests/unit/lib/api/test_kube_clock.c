#include <stdlib.h>

#include "lib/api/kube_private.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(learns_the_fraction_of_a_second_from_many_answers)
{
        struct kube_clock clock = { 0 };

        /* there: 5000.7 s when our clock says 0 ms */
        for (int64_t now_ms = 1000; now_ms < 60000; now_ms += 1037) {
                int64_t there_ms = 5000700 + now_ms;
                kube_clock_note(&clock, there_ms / 1000, now_ms - 3, now_ms + 3);
        }
        assert_in_range(clock.target_ms, 5000600, 5000700); /* never ahead */
        assert_int_equal(kube_clock_read(&clock, 60000), 5060);
}

TEST(lets_time_never_run_backwards)
{
        struct kube_clock clock = { 0 };
        int64_t before = 0;

        /* the first answer came just after a second began there, the second just before its end */
        kube_clock_note(&clock, 7000, 0, 1);
        for (int64_t now_ms = 1; now_ms < 3000; now_ms++) {
                if (now_ms == 901)
                        kube_clock_note(&clock, 7000, 900, 901);
                assert_true(kube_clock_read(&clock, now_ms) >= before);
                before = kube_clock_read(&clock, now_ms);
        }
        assert_in_range(clock.target_ms, 6999990, 7000000);
        assert_int_equal(before, 7002);
}

TEST(follows_a_clock_that_was_set)
{
        struct kube_clock clock = { 0 };

        kube_clock_note(&clock, 7000, 0, 1);
        kube_clock_note(&clock, 100, 1000, 1001);
        assert_in_range(kube_clock_read(&clock, 1001), 100, 101);
        kube_clock_note(&clock, 9000, 2000, 2001);
        assert_in_range(kube_clock_read(&clock, 2001), 9000, 9001);
}

TEST(keeps_up_with_a_clock_that_drifts)
{
        static const int64_t drifts[] = { 10000, -10000 }; /* a millisecond in so many */

        for (size_t i = 0; i < ARRAY_LENGTH(drifts); i++) {
                struct kube_clock clock = { 0 };
                int64_t worst_ms = 0;

                for (int64_t now_ms = 0; now_ms < 86400000; now_ms += 10537) {
                        int64_t there_ms = 500000000 + now_ms + now_ms / drifts[i];
                        kube_clock_note(&clock, there_ms / 1000, now_ms, now_ms + 2);
                        int64_t error_ms = llabs(now_ms + clock.target_ms - there_ms);
                        if (now_ms > 600000 && error_ms > worst_ms)
                                worst_ms = error_ms;
                }
                assert_in_range(worst_ms, 0, 300);
        }
}
