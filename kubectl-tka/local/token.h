/* token.h - how long a cached token is used, and what kubectl is told about its end. Pure. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"

/* Until its renewal is due (signin_renewal_seconds()), or up to a fifth of that time later: each
 * token at a moment of its own. now is this machine's clock; the entry knows how far the server's
 * is from it. */
bool token_is_fresh(const struct cache_entry *entry, int64_t now);
/* Past its freshness, but the API server still takes it. */
bool token_is_alive(const struct cache_entry *entry, int64_t now);
/* Unix seconds of this machine's clock: the session's end, or the token's where it is not known. */
int64_t token_session_end(const struct cache_entry *entry);
/* Unix seconds of this machine's clock: a little before the token's real end, so that clients that
 * stay come back in time; never past while the token is alive. */
int64_t token_reported_end(const struct cache_entry *entry, int64_t now);
