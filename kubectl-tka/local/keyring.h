/* keyring.h - one secret out of the Secret Service (gnome-keyring, KWallet, KeePassXC): never
 * starts it, never unlocks it, never prompts, and is done within 500 ms. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"

/* Items of ours carry this schema and four attributes, by which both programs find them. */
#define KEYRING_SCHEMA "de.specht-labs.tka.Credential"
#define KEYRING_SERVER "server"
#define KEYRING_CA_HASH "ca-hash"
#define KEYRING_CLUSTER "cluster"
#define KEYRING_ROLE "role"

enum keyring_state {
        KEYRING_OPEN,   /* or not known to be otherwise */
        KEYRING_LOCKED, /* there is an item, or nothing but locked ones */
        KEYRING_ABSENT, /* no bus, or no such service on it */
        KEYRING_MUTE,   /* the bus or the service does not answer, or not as it should */
};
/* "locked", for people and for the file that remembers it. */
const char *keyring_state_text(enum keyring_state state);

#define KEYRING_READ_MS 500 /* the most that a reader waits for all of it */

/* *text, with a limit, gets the secret. NOT_FOUND with KEYRING_OPEN: there is none. */
bool keyring_read(const char *bus, const struct cache_key *key, enum keyring_state *state,
                  struct buf *text, struct error *err) must_check;
/* The same for who has waited already. */
bool keyring_read_within(int64_t timeout_ms, const char *bus, const struct cache_key *key,
                         enum keyring_state *state, struct buf *text, struct error *err) must_check;
/* Whether tokens can be kept there now, by the lock of the collection that they would go to; OPEN
 * where there is none yet, since storing makes it. False with ABSENT and MUTE, and err says why. */
bool keyring_look(const char *bus, enum keyring_state *state, struct error *err) must_check;
