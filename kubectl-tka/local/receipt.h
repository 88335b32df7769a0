/* receipt.h - which client was given which token. One that comes again for a token it has, and that
 * has not ended, was refused by the API server: a client asks its plugin twice for no other reason.
 */
#pragma once

#include "kubectl-tka/local/cache_entry.h"
#include "kubectl-tka/local/parent.h"

#define RECEIPT_REPLACED_MS 30000   /* one repair of a key in so long */
#define RECEIPT_UNANSWERED_MS 15000 /* the server was asked in vain: the old token serves on */
#define RECEIPT_FETCHED_MS 5000     /* calls side by side take what one of them has just fetched */

/* *refused: the parent has this very token already, and the key is not held. */
void receipt_check(const struct cache_key *key, const struct parent *parent,
                   const struct cache_entry *entry, bool *refused);
/* The same, and unless it was refused the token is on its way to the parent. */
void receipt_exchange(const struct cache_key *key, const struct parent *parent,
                      const struct cache_entry *entry, bool *refused);
/* The token is on its way to the parent. What cannot be noted is not. */
void receipt_note(const struct cache_key *key, const struct parent *parent,
                  const struct cache_entry *entry);
/* No token of the key counts as refused for so long. */
void receipt_hold(const struct cache_key *key, int64_t hold_ms);
