/* signin_store_private.h - between the two files of the store: what is known, and what is written.
 */
#pragma once

#include "lib/fiber.h"
#include "server/signin_store.h"

#define GONE_COUNT 256 /* uids remembered, so that a late answer does not bring one back */

struct entry {
        struct signin signin;
        bool seen;             /* by the watch, not only in an answer to our own write */
        int64_t written_at_ms; /* when such an answer came */
};

struct waiter {
        struct waiter *next;
        const char *name;
        struct wait wait;
};

struct signin_store {
        struct loop *loop;
        struct kube *kube;
        struct kube_watch *watch;
        char *namespace_name;
        char *path;
        struct entry *entries; /* sorted by name */
        size_t count, capacity;
        struct waiter *waiters;
        size_t waiter_count;
        int64_t end_ms; /* nobody waits longer than that; 0: no such time */
        char *gone[GONE_COUNT];
        size_t gone_next;
        char trouble[640];
};

/* As the API server gives it. Of what cannot be read: whose session it is, without a
 * validity_period, so that it can still be ended; err says then what is wrong with it. */
bool signin_store_read(const json_t *object, struct signin *signin, struct error *err) must_check;
/* Takes *signin over, unless what is here is newer. seen: by the watch. */
void signin_store_accept(struct signin_store *store, struct signin *signin, bool seen);
/* It is gone, and does not come back by a late answer. */
void signin_store_forget(struct signin_store *store, const char *name, const char *uid);
