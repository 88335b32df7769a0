#include "kubectl-tka/remote/sign_in.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

/* A session of an hour, from a server whose clock is ten minutes behind ours. */
static struct sign_in make_sign_in(const struct config *config)
{
        return (struct sign_in){
                .config = config,
                .entry = { .expires = 5000,
                          .until = 5000,
                          .period_seconds = 3600,
                          .clock_offset = -600,
                          .renewable = true }
        };
}

TEST(a_session_with_a_reason_or_a_length_of_its_own_is_not_renewed)
{
        const struct config rows[] = {
                { .for_seconds = 1800 },
                { .reason = (char[]){ "INC-7" } },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                struct sign_in sign_in = make_sign_in(&rows[i]);
                struct mark mark = { 0 };

                assert_true(sign_in_is_once(&sign_in, &mark));
                assert_true(mark.once);
                assert_false(sign_in.entry.renewable);
                assert_int_equal(mark.until, 5600); /* by our clock */
                assert_int_equal(mark.period_seconds, 3600);
        }
}

TEST(every_other_session_is_renewed)
{
        const struct config config = { 0 };
        struct sign_in sign_in = make_sign_in(&config);
        struct mark mark = { .until = 7 };

        assert_false(sign_in_is_once(&sign_in, &mark));
        assert_true(sign_in.entry.renewable);
        assert_int_equal(mark.until, 7);
}
