/* glance.h - what the cache holds of a session, seen without waking the keyring: for what must be
 * quick and needs no token. */
#pragma once

#include "kubectl-tka/local/cache.h"

/* Of the note beside the caches: what lies in the keyring, without the token. */
#define GLANCE_SUFFIX ".session"

/* The newest entry and its tier. Only where neither a file nor a note says anything is the keyring
 * itself asked. *entry's token is not to be used. */
bool glance(const struct cache_key *key, struct cache_entry *entry, enum cache_tier *tier);
