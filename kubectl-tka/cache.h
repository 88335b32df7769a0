/* cache.h - the token of one server, cluster and role, kept between two calls of kubectl. */
#pragma once

#include "lib/secret.h"

/* Everything that changes which token is right. role is "" when none was asked for. */
struct cache_key {
        const char *server; /* the TKA server's URL */
        const char *ca_hash;
        const char *cluster;
        const char *role;
};

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
};
void cache_entry_clear(struct cache_entry *entry);

/* NOT_FOUND for every entry that must not be used: none, corrupt, of a newer version, of another
 * key, readable by others. */
bool cache_read(const struct cache_key *key, struct cache_entry *entry,
                struct error *err) must_check;
/* The key's fields and the version of *entry are set here. */
bool cache_write(const struct cache_key *key, struct cache_entry *entry,
                 struct error *err) must_check;
/* No entry is no error. */
bool cache_forget(const struct cache_key *key, struct error *err) must_check;
/* The file that one refresher holds locked, its directory made; the caller's. */
bool cache_lock_path(const struct cache_key *key, char **path, struct error *err) must_check;
