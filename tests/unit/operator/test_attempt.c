#include "tests/unit/test.h"

#include "lib/memory.h"
#include "operator/attempt.h"

#define BEGIN INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define END (BEGIN + 3600)
#define MANY 4 /* failures: the waiting is 8 s by then */

static void session_clear(struct session *session)
{
        signin_clear(&session->signin);
}

/* One of an hour whose first plan was just made, after so many failures. */
static void start(struct session *session, unsigned failures)
{
        session->known = true;
        session->signin.generation = 1;
        session->signin.has_finalizer = true;
        session->signin.created_at = BEGIN;
        session->signin.spec.validity_period = xstrdup("1h");
        assert_true(attempt_notes_change(session));
        session->failures = failures;
}

static struct next_look end_with(struct session *session, enum attempt_end end, int64_t now)
{
        const struct attempt attempt = { .end = end, .due_at = END + 7 };

        return attempt_next_look(session, &attempt, now);
}

TEST(looks_again_at_a_settled_session_when_its_plan_says)
{
        scoped(session_clear) struct session session = { 0 };

        start(&session, MANY);
        struct next_look next = end_with(&session, ATTEMPT_SETTLED, BEGIN);
        assert_false(next.again);
        assert_int_equal(next.due_at, END + 7);
        assert_int_equal(session.failures, 0);
}

TEST(looks_at_once_at_a_session_that_gave_way)
{
        scoped(session_clear) struct session session = { 0 };

        start(&session, 0);
        session.changed = true;
        struct next_look next = end_with(&session, ATTEMPT_SETTLED, BEGIN);
        assert_true(next.again);
        assert_int_equal(next.delay_ms, 0);
}

TEST(waits_longer_after_each_failure_and_keeps_the_deadline)
{
        static const enum attempt_end ends[] = { ATTEMPT_FAILED, ATTEMPT_PATIENT };

        for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
                scoped(session_clear) struct session session = { 0 };

                start(&session, 0);
                struct next_look first = end_with(&session, ends[i], BEGIN);
                struct next_look second = end_with(&session, ends[i], BEGIN + 1);
                assert_true(first.again && first.delay_ms > 0 && first.delay_ms <= 1000);
                assert_true(second.again && second.delay_ms > 1000);
                assert_int_equal(second.due_at, ends[i] == ATTEMPT_FAILED ? END : END + 7);
                assert_int_equal(session.failures, 2);
        }
}

TEST(looks_at_once_at_what_was_changed_during_an_attempt_that_failed)
{
        static const struct sight changes[] = {
                { .generation = 2, .has_finalizer = true, .known = true },
                { .generation = 1, .has_finalizer = true, .known = true, .deletion_at = BEGIN },
                { .generation = 1, .has_finalizer = false, .known = true },
                { .generation = 1, .has_finalizer = true, .known = true, .gone = true },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
                const struct attempt attempt = { .was_over = true, .end = ATTEMPT_FAILED };
                scoped(session_clear) struct session session = { 0 };

                start(&session, MANY);
                session.signin.generation = changes[i].generation;
                session.signin.deletion_at = changes[i].deletion_at;
                session.signin.has_finalizer = changes[i].has_finalizer;
                session.gone = changes[i].gone;
                assert_int_equal(attempt_next_look(&session, &attempt, BEGIN).delay_ms, 0);
                assert_int_equal(session.failures, 0);
                assert_true(attempt_next_look(&session, &attempt, BEGIN).delay_ms > 0);
        }
}

TEST(waits_after_a_failure_when_nothing_but_its_own_status_was_written)
{
        scoped(session_clear) struct session session = { 0 };

        start(&session, MANY);
        session.changed = true;
        session.signin.resource_version = xstrdup("11");
        session.signin.status.ready = xstrdup("False");
        session.signin.status.observed_generation = 1;
        assert_true(end_with(&session, ATTEMPT_FAILED, BEGIN).delay_ms > 5000);
}

TEST(forgets_the_failures_of_what_it_was_before_it_changed)
{
        scoped(session_clear) struct session session = { 0 };

        start(&session, MANY);
        assert_false(attempt_notes_change(&session));
        assert_int_equal(session.failures, MANY);
        session.signin.generation = 2;
        assert_true(attempt_notes_change(&session));
        assert_true(end_with(&session, ATTEMPT_FAILED, BEGIN).delay_ms <= 1000);
}

TEST(looks_at_once_at_what_became_over_during_an_attempt_that_failed)
{
        scoped(session_clear) struct session session = { 0 };
        const struct attempt late = { .was_over = true, .end = ATTEMPT_FAILED };

        start(&session, MANY);
        struct next_look next = end_with(&session, ATTEMPT_FAILED, END);
        assert_int_equal(next.delay_ms, 0);
        assert_int_equal(next.due_at, 0);
        assert_true(attempt_next_look(&session, &late, END).delay_ms > 5000);
}

TEST(counts_no_failure_and_keeps_the_deadline_when_the_lease_was_lost_on_the_way)
{
        scoped(session_clear) struct session session = { 0 };

        start(&session, MANY);
        struct next_look next = end_with(&session, ATTEMPT_CUT_SHORT, BEGIN);
        assert_true(next.again);
        assert_int_equal(next.delay_ms, 0);
        assert_int_equal(next.due_at, END);
        assert_int_equal(session.failures, MANY);
}

TEST(knows_no_deadline_of_a_session_that_was_never_seen)
{
        scoped(session_clear) struct session session = { 0 };

        struct next_look next = end_with(&session, ATTEMPT_FAILED, BEGIN);
        assert_true(next.again && next.delay_ms > 0);
        assert_int_equal(next.due_at, 0);
}
