/* reconcile.h - (what is, what time it is) to the list of things to do about it. Pure. */
#pragma once

#include "operator/dependent.h"
#include "schema/signin.h"

/* What this cluster allows. Borrowed. */
struct rules {
        const struct text_list *roles;
        int64_t min_period_seconds, max_period_seconds;
};

enum role_state { ROLE_UNKNOWN, ROLE_EXISTS, ROLE_MISSING };

/* One session as last seen: a copy, so that waiting while acting on it is safe. */
struct observed {
        bool known;   /* signin holds the TkaSignin */
        bool gone;    /* the API server said that it is no more */
        bool unbound; /* bindings were looked for and deleted since it began to end */
        struct signin signin;
        size_t finalizer_index; /* of ours, when signin.has_finalizer */
        struct dependent *dependents;
        size_t dependent_count;

        /* Found out on the way. */
        enum role_state role;
        const char *missing_namespace; /* one of spec.namespaces, or NULL */
};
void observed_clear(struct observed *observed);

enum action_kind {
        ACTION_READ_ROLE,    /* whether the ClusterRole exists */
        ACTION_CREATE,       /* the dependent `what` in namespace_name */
        ACTION_DELETE,       /* the dependent with that uid; without one: whatever has that name */
        ACTION_FIND,         /* what else of that kind, under that name if one is given, carries the
                                session's label, into the store */
        ACTION_UNBOUND,      /* no right is left: what remains has time until others' are gone */
        ACTION_WRITE_STATUS, /* plan.status */
        ACTION_END,          /* deletes the TkaSignin, unless it changed */
        ACTION_FINISH,       /* takes our finalizer off */
};

/* Borrowed from the observation and the plan. */
struct action {
        enum action_kind kind;
        enum dependent_kind what;
        const char *namespace_name, *name, *uid;
        bool stranger; /* about what was not made by us: if it fails, that keeps nothing else */
};

#define PLAN_ACTIONS 64
#define PLAN_STRANGERS 24 /* that one plan deletes: there is room for our own */

struct plan {
        struct action actions[PLAN_ACTIONS];
        size_t count; /* 0: all is as it should be */
        struct signin_status status;
        char *binding_name;
        bool retry;     /* look again with back-off: it may heal without a change of the object */
        int64_t due_at; /* Unix seconds, 0: when something changes */
};
void plan_clear(struct plan *plan);

/* Fills the all-zero plan. Actions stand in the order in which they must happen; after one
 * that failed only deletes are still tried. Whatever carries a session's label goes with it; but
 * what was not made by us, of which there may be any number, neither keeps what was nor keeps the
 * session from being ready or from ending. When all were done, what is then observed has to be
 * reconciled again. */
void reconcile(const struct observed *observed, const struct rules *rules, int64_t now,
               struct plan *plan);
