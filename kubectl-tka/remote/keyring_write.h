/* keyring_write.h - changing what the keyring holds, through libsecret.
 *
 * libsecret knows no deadline and brings threads of its own: a child process talks to it, and is
 * ended when it takes too long. */
#pragma once

#include "kubectl-tka/local/keyring.h"

/* text is what keyring_read() will give. may_unlock: a person is there to be asked for the
 * keyring's password; else a locked keyring stays so and no service is started for us. *state says
 * what the keyring was found to be, also when this fails. */
bool keyring_save(const struct cache_key *key, const struct buf *text, bool may_unlock,
                  int64_t timeout_ms, enum keyring_state *state, struct error *err) must_check;
/* No item is no error. A locked keyring keeps it: UNAVAILABLE. */
bool keyring_forget(const struct cache_key *key, int64_t timeout_ms, enum keyring_state *state,
                    struct error *err) must_check;
