/* cache.h - where tokens lie between two calls of kubectl: the keyring, or files in one of two
 * places. Reading alone; remote/cache_write.h keeps and forgets. */
#pragma once

#include "kubectl-tka/cache_entry.h"
#include "kubectl-tka/keyring.h"

#define CACHE_MODES "auto|keyring|runtime|file|none"

enum cache_tier {
        CACHE_KEYRING,
        CACHE_RUNTIME, /* $XDG_RUNTIME_DIR/tka: in memory, gone when the person logs out */
        CACHE_FILE,    /* $XDG_CACHE_HOME/tka */
        CACHE_TIER_COUNT,
};

/* A set of tiers: bit 1 << tier. 0: nothing is kept. */
bool cache_mode_parse(const char *mode, unsigned *tiers) must_check;

/* The newest of what the tiers hold. NOT_FOUND for every entry that must not be used: none,
 * corrupt, of another key, readable by others. A keyring that was of no use lately is not asked
 * again. */
bool cache_read(unsigned tiers, const struct cache_key *key, struct cache_entry *entry,
                struct error *err) must_check;

/* The folder of a tier of files; the caller's. NULL: there is no such place. */
char *cache_directory(enum cache_tier tier);
/* The file of a key's entry in it; the caller's, or NULL. */
char *cache_file(enum cache_tier tier, const struct cache_key *key);
/* A small file about the key that is no token, "<hash><suffix>": in the runtime folder, else the
 * cache's. The caller's; NULL: there is no such place. Its folder may have to be made. */
char *cache_note(const struct cache_key *key, const char *suffix);
/* Makes the folder of the notes. */
bool cache_make_notes(struct error *err) must_check;

/* Our turn at the keyring, so that our processes do not crowd it: gnome-keyring ends itself under
 * many clients at once. Waits 250 ms at most and goes on without. -1 or a descriptor to close. */
int cache_take_turn(void);
void cache_end_turn(const int *turn);
/* What is remembered of a keyring for a while, so that the next call does not wait for it again:
 * KEYRING_OPEN when nothing is. */
enum keyring_state cache_keyring_state(const char *bus);
/* Says on stderr, when it is news, that the keyring is locked, and for tiers that are the keyring
 * alone that it is of no use at all. */
void cache_note_keyring(const char *bus, enum keyring_state state, unsigned tiers);
