/* cache.h - where tokens lie between two calls of kubectl: the keyring, or files in one of two
 * places. Reading alone; remote/cache_write.h keeps and forgets. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"
#include "kubectl-tka/local/keyring.h"

#define CACHE_MODES "auto|keyring|runtime|file|none"

enum cache_tier {
        CACHE_KEYRING,
        CACHE_RUNTIME, /* $XDG_RUNTIME_DIR/tka: in memory, gone when the person logs out */
        CACHE_FILE,    /* $XDG_CACHE_HOME/tka */
        CACHE_TIER_COUNT,
};

#define CACHE_ALL_TIERS ((1U << CACHE_TIER_COUNT) - 1)
/* A set of tiers: bit 1 << tier. 0: nothing is kept. */
bool cache_mode_parse(const char *mode, unsigned *tiers) must_check;
/* "keyring", "runtime" or "file". */
const char *cache_tier_name(enum cache_tier tier);
/* Nothing is to be kept in a file. */
bool cache_is_keyring_alone(unsigned tiers);

/* The newest of what the tiers hold. NOT_FOUND for every entry that must not be used: none,
 * corrupt, of another key, readable by others. A keyring that was of no use lately is not asked
 * again. */
bool cache_read(unsigned tiers, const struct cache_key *key, struct cache_entry *entry,
                struct error *err) must_check;

/* The folder of a tier of files; the caller's. NULL: there is no such place. */
char *cache_directory(enum cache_tier tier);
/* The file of a key's entry in it; the caller's, or NULL. */
char *cache_file(enum cache_tier tier, const struct cache_key *key);
