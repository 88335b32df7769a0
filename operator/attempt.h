/* attempt.h - what came of working on a session, and when it is to be looked at again. Pure. */
#pragma once

#include "operator/store.h"

enum attempt_end {
        ATTEMPT_SETTLED, /* it is as it should be, or had to give way to others */
        ATTEMPT_PATIENT, /* so far: what is missing an administrator can still make */
        ATTEMPT_FAILED,
        ATTEMPT_CUT_SHORT, /* the lease was lost on the way, which is no failure of the session's */
};

struct attempt {
        bool was_over; /* when it began */
        enum attempt_end end;
        int64_t due_at; /* of the last plan, when there was nothing left to do */
};

struct next_look {
        bool again; /* in delay_ms; else when something changes */
        int64_t delay_ms;
        int64_t due_at; /* and at that Unix second, unless it is 0 */
};

/* Before every plan. True when the TkaSignin is another than in the plan before: what failed then
 * says nothing about it, and the waiting begins anew. A status that we wrote is no such change. */
bool attempt_notes_change(struct session *session);
/* After the last: counts a failure, and says when to look again. Neither the deadline, which left
 * the queue with the session, nor what changed meanwhile is lost. */
struct next_look attempt_next_look(struct session *session, const struct attempt *attempt,
                                   int64_t now);
