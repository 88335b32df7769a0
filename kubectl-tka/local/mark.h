/* mark.h - what a person decided and what must outlive every cache: signed out, or no renewal. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"

/* Of one server, cluster and role; without a file all of it is zero. */
struct mark {
        char *server, *cluster, *role;
        bool signed_out;        /* by logout: nothing is fetched until the next login */
        bool once;              /* login --for or --reason: not renewed when it ends */
        int64_t until;          /* of a session that is not renewed: its end, by this clock */
        int64_t period_seconds; /* the same */
};
void mark_clear(struct mark *mark);

/* A file that cannot be read counts as signed out: login writes it anew. */
void mark_read(const struct cache_key *key, struct mark *mark);
/* The texts are the key's, whatever mark holds. */
bool mark_write(const struct cache_key *key, const struct mark *mark, struct error *err) must_check;
/* No mark is no error. */
bool mark_remove(const struct cache_key *key, struct error *err) must_check;

/* UNAUTHENTICATED, with the command to type, after a logout. */
bool mark_check(const struct cache_key *key, struct error *err) must_check;
/* The command that signs in again: `kubectl tka login URL [--role R]`; the caller's. */
char *mark_login_command(const struct cache_key *key);
