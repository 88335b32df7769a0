#include "operator/attempt.h"

bool attempt_notes_change(struct session *session)
{
        const struct signin *signin = &session->signin;
        const struct sight now = {
                .generation = signin->generation,
                .deletion_at = signin->deletion_at,
                .has_finalizer = signin->has_finalizer,
                .known = session->known,
                .gone = session->gone,
        };
        const struct sight *seen = &session->seen;

        if (now.generation == seen->generation && now.deletion_at == seen->deletion_at &&
            now.has_finalizer == seen->has_finalizer && now.known == seen->known &&
            now.gone == seen->gone)
                return false;
        session->seen = now;
        session->failures = 0;
        return true;
}

static int64_t find_delay_ms(struct session *session, const struct attempt *attempt, int64_t now)
{
        if (attempt->end == ATTEMPT_CUT_SHORT || attempt_notes_change(session))
                return 0;
        if (session_is_over(session, now) && !attempt->was_over)
                return 0;
        return queue_backoff_ms(session->failures++);
}

struct next_look attempt_next_look(struct session *session, const struct attempt *attempt,
                                   int64_t now)
{
        struct next_look next = { .again = true, .due_at = attempt->due_at };

        if (attempt->end == ATTEMPT_SETTLED) {
                session->failures = 0;
                next.again = session->changed;
                return next;
        }
        next.delay_ms = find_delay_ms(session, attempt, now);
        if (attempt->end != ATTEMPT_PATIENT)
                next.due_at = session_ends_at(session, now);
        return next;
}
