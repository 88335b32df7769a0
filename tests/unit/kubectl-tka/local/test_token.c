#include "kubectl-tka/local/token.h"

#include <stdio.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

#define NOW INT64_C(1000000)

/* Fetched at NOW for a period of an hour, unless a row says otherwise. */
static struct cache_entry hour(void)
{
        return (struct cache_entry){ .expires = NOW + 3600,
                                     .until = NOW + 3600,
                                     .period_seconds = 3600,
                                     .fetched_at = NOW,
                                     .renewable = true };
}

/* The first moment at which it is not fresh any more. */
static int64_t stale_at(const struct cache_entry *entry)
{
        int64_t at = entry->fetched_at;

        while (token_is_fresh(entry, at))
                at++;
        return at;
}

TEST(is_fresh_until_a_tenth_before_the_end)
{
        struct cache_entry entry = hour();

        assert_true(token_is_fresh(&entry, NOW));
        assert_true(token_is_fresh(&entry, NOW + 3239));
        assert_false(token_is_fresh(&entry, NOW + 3240 + 72));
        assert_true(token_is_alive(&entry, NOW + 3599));
        assert_false(token_is_alive(&entry, NOW + 3600));
}

TEST(is_fresh_until_the_margin_that_its_period_asks_for)
{
        static const struct {
                int64_t period_seconds;
                bool renewable;
                int64_t margin_seconds;
        } rows[] = {
                { 60,    true,  30   },
                { 100,   true,  50   },
                { 120,   true,  60   },
                { 600,   true,  60   },
                { 3600,  true,  360  },
                { 86400, true,  8640 },
                { 86400, false, 30   },
                { 60,    false, 30   },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                struct cache_entry entry = hour();
                entry.period_seconds = rows[i].period_seconds;
                entry.expires = entry.until = NOW + rows[i].period_seconds;
                entry.renewable = rows[i].renewable;
                int64_t due_at = entry.expires - rows[i].margin_seconds;
                int64_t spread = rows[i].renewable ? rows[i].margin_seconds / 5 : 0;
                assert_true(token_is_fresh(&entry, due_at - 1));
                assert_false(token_is_fresh(&entry, due_at + spread));
        }
}

TEST(spreads_renewals_over_a_fifth_of_the_time_in_which_they_are_due_and_never_before)
{
        size_t early = 0;

        for (unsigned i = 0; i < 200; i++) {
                scoped(cache_entry_clear) struct cache_entry entry = hour();
                char text[16];
                snprintf(text, sizeof(text), "token %u", i);
                secret_set(&entry.token, text, strlen(text));
                int64_t due_at = stale_at(&entry);
                assert_int_equal(stale_at(&entry), due_at);
                assert_in_range(due_at, NOW + 3240, NOW + 3240 + 72);
                early += due_at < NOW + 3240 + 36;
        }
        assert_in_range(early, 50, 150);
}

TEST(judges_a_token_that_ends_before_its_session_by_its_own_life)
{
        struct cache_entry entry = hour();

        entry.until = NOW + 86400;
        entry.period_seconds = 86400;
        assert_true(token_is_fresh(&entry, NOW + 3239));
        assert_false(token_is_fresh(&entry, NOW + 3240 + 72));
}

TEST(judges_by_the_clock_of_the_server)
{
        struct cache_entry entry = hour();

        entry.clock_offset = 7200; /* this machine is two hours behind */
        entry.expires = entry.until = NOW + 7200 + 3600;
        assert_true(token_is_fresh(&entry, NOW + 3239));
        assert_false(token_is_fresh(&entry, NOW + 3240 + 72));
        assert_int_equal(token_reported_end(&entry, NOW), NOW + 3570);
}

TEST(refuses_an_entry_from_the_future)
{
        struct cache_entry entry = hour();

        assert_true(token_is_alive(&entry, NOW - 5));
        assert_false(token_is_alive(&entry, NOW - 6));
        assert_false(token_is_fresh(&entry, NOW - 3600));
}

TEST(reports_an_end_before_the_real_one_but_never_a_past_one)
{
        struct cache_entry entry = hour();

        assert_int_equal(token_reported_end(&entry, NOW), NOW + 3570);
        assert_int_equal(token_reported_end(&entry, NOW + 3569), NOW + 3570);
        assert_int_equal(token_reported_end(&entry, NOW + 3570), NOW + 3600);
        assert_int_equal(token_reported_end(&entry, NOW + 3599), NOW + 3600);
}

TEST(tells_the_sessions_end_by_this_machines_clock)
{
        struct cache_entry entry = hour();

        entry.clock_offset = -600;
        entry.expires = NOW + 900;

        assert_int_equal(token_session_end(&entry), NOW + 3600 + 600);
        entry.until = 0;
        assert_int_equal(token_session_end(&entry), NOW + 900 + 600);
}
