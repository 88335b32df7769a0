/* store.h - every session as last seen: its TkaSignin, and what was made for it, by the uid. */
#pragma once

#include "operator/queue.h"
#include "operator/reconcile.h"

struct dependent_node;

/* What of a TkaSignin others change: not the status. */
struct sight {
        int64_t generation, deletion_at;
        bool has_finalizer, known, gone;
};

struct session {
        char *uid; /* the TkaSignin's: what labels of dependents name */
        bool known, gone;
        bool told; /* of its end, by the watch: nothing older of it can come any more */
        struct signin signin;
        size_t finalizer_index;
        struct dependent_node *dependents;

        bool unbound; /* it ends, and its bindings were looked for and deleted */

        /* The controller's. */
        struct queue_item item; /* what is to be done */
        struct queue_item end;  /* its deadline */
        struct sight seen;      /* by the last plan */
        unsigned failures;      /* since it became so */
        bool running;           /* a worker is at it */
        bool changed;           /* since that worker last looked */
};

struct store;

/* With so many dependents, only what a known session has of its own is still taken in: anybody may
 * have put our label on any number. What was left out is looked for by name before it matters, or
 * swept when no session owns it. */
#define STORE_DEPENDENTS_MAX 40000

/* changed(owner, session) after every change, also those of our own answers. Must not wait. */
struct store *store_new(const char *session_namespace,
                        void (*changed)(void *owner, struct session *session), void *owner);
void store_free(struct store *store);

/* Objects as the API server gives them, from a watch or as an answer. What is not newer than what
 * is known changes nothing: a watch can be behind our own writes. A TkaSignin whose spec cannot be
 * read is taken for one without, so that it does not keep what it got while it could. */
bool store_put_signin(struct store *store, const json_t *object, struct error *err) must_check;
bool store_put_dependent(struct store *store, enum dependent_kind kind, const json_t *object,
                         struct error *err) must_check;
bool store_has_dependent(const struct store *store, const char *uid);
/* How often one was left out. */
int64_t store_left_out(const struct store *store);
/* Gone from the API server, for good: uids never come back. */
void store_drop_signin(struct store *store, const char *uid);
/* The same, as an answer says it: the watch can be behind, and has yet to tell. */
void store_miss_signin(struct store *store, struct session *session);
void store_drop_dependent(struct store *store, const char *uid);
/* Our finalizer is off. */
void store_finish(struct session *session);

/* NULL when nothing is known under that uid. */
struct session *store_find(const struct store *store, const char *uid);
/* A copy to act on while the store moves on; of what was not made by us, as much as one plan takes.
 */
void store_observe(const struct session *session, struct observed *observed);
/* One that dependent_is_right(). */
bool session_has_binding(const struct session *session);
/* It ends, has to end, or is gone. */
bool session_is_over(const struct session *session, int64_t now);
/* The Unix second at which it will be over; 0 when it is, or nobody can say. */
int64_t session_ends_at(const struct session *session, int64_t now);
/* Neither the TkaSignin nor anything made for it is left, and no watch brings it back. */
bool session_is_done(const struct session *session);
/* Frees it; it must be in no queue. */
void store_forget(struct store *store, struct session *session);
/* visit must neither wait nor change the store. */
void store_each(const struct store *store,
                void (*visit)(void *owner, const struct session *session), void *owner);
