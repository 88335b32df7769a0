/* cache_entry.h - the token of one server, cluster and role, and all that tells whether it may be
 * used. Pure. */
#pragma once

#include "lib/buf.h"
#include "lib/secret.h"

/* Everything that changes which token is right. role is "" when none was asked for. */
struct cache_key {
        const char *server; /* the TKA server's URL */
        const char *ca_hash;
        const char *cluster;
        const char *role;
};

bool cache_key_equals(const struct cache_key *one, const struct cache_key *other);
/* "directory/<hash of the key><suffix>". The hash only picks a file: what lies there must name the
 * key again. The caller's. */
char *cache_key_file(const struct cache_key *key, const char *directory, const char *suffix);

struct cache_entry {
        int64_t version;
        char *server, *ca_hash, *cluster, *role; /* the key, in full */
        char *login, *granted_role;              /* or NULL: the server did not say */
        char *addresses; /* this machine's in the tailnet, see tailnet_addresses() */
        struct secret token;
        int64_t expires;        /* the token's end, Unix seconds of the server's clock */
        int64_t until;          /* the session's end, the same clock; 0: not said */
        int64_t period_seconds; /* of the session; 0: not said */
        int64_t fetched_at;     /* Unix seconds of this machine's clock */
        int64_t clock_offset;   /* seconds to add to this machine's clock for the server's */
        bool renewable;
        bool found; /* just now, at a server with one session for each person: it is not ours to
                       end. Not kept in a cache. */
};
void cache_entry_clear(struct cache_entry *entry);

/* NOT_FOUND for what must not be used: corrupt, of a newer version, of another key. What *entry
 * held before is cleared on success. */
bool cache_entry_decode(const struct buf *text, const struct cache_key *key,
                        struct cache_entry *entry, struct error *err) must_check;
/* The key's fields and the version of *entry are set here. The text holds the token. */
void cache_entry_encode(const struct cache_key *key, struct cache_entry *entry, struct buf *text);
/* A number that another token does not have, but by chance. */
uint64_t cache_entry_id(const struct cache_entry *entry);
