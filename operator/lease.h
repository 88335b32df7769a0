/* lease.h - one operator of several works at a time: client-go's leader election on a Lease.
 *
 * Whether another one's lease is over is judged by when we last saw it change, by our own clock
 * that never jumps; the times in it are for people. */
#pragma once

#include "lib/error.h"

struct kube;
struct lease;
struct loop;

#define LEASE_SECONDS 8     /* how long others wait after the last renewal they saw */
#define LEASE_RENEW_MS 5000 /* and for how long we hold it ourselves after the last that worked */
#define LEASE_RETRY_MS 1000

struct lease_options {
        struct loop *loop;
        struct kube *kube;
        const char *namespace_name; /* borrowed for ever */
        const char *name;           /* the same */
        /* It became ours, was renewed, or is lost. Must not wait. */
        void (*changed)(void *owner, bool ours);
        void *owner;
};

/* A fiber that takes the lease when it can and keeps it. */
struct lease *lease_start(const struct lease_options *options);
/* Gives it back, so that another one need not wait for its end; at most timeout_ms. On a fiber, and
 * after the last write: while one may be under way, with 0, which lets the lease run out. */
void lease_stop(struct lease *lease, int64_t timeout_ms);
void lease_free(struct lease *lease);

/* By our own clock, now. */
bool lease_is_ours(const struct lease *lease);
/* Which time it is ours: what was decided in an earlier one is not to be acted upon. */
uint64_t lease_term(const struct lease *lease);
/* To be asked before every write. UNAVAILABLE when it is not ours. Else nothing that the running
 * fiber waits for goes on until another one could hold the lease; lease_relax() ends that. */
bool lease_allows_write(const struct lease *lease, struct error *err) must_check;
void lease_relax(void);

/* UNAVAILABLE, with the reason, while it is not known who holds it. */
bool lease_check(const struct lease *lease, struct error *err) must_check;
/* Who holds it as far as we know, "" for nobody. Borrowed until the next wait. */
const char *lease_holder(const struct lease *lease);
