/* cache_write.h - keeping and forgetting tokens, in every place that kubectl-tka/local/cache.h
 * reads. */
#pragma once

#include "kubectl-tka/local/cache.h"

struct cache_wish {
        unsigned tiers;
        bool may_unlock;    /* a person is at the terminal */
        int64_t timeout_ms; /* for the keyring */
};

/* Into the first of the tiers that takes it, and out of those after it. *place says where it lies,
 * for people: borrowed for ever. */
bool cache_write(const struct cache_wish *wish, const struct cache_key *key,
                 struct cache_entry *entry, const char **place, struct error *err) must_check;
/* Out of all of them. No entry is no error. */
bool cache_forget(const struct cache_key *key, struct error *err) must_check;
