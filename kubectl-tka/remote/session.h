/* session.h - a credential from the server, as it is kept in the cache. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"
#include "kubectl-tka/remote/server.h"
#include "schema/login.h"

/* Signs in if need be, waits for the operator, brings the token: one round trip. The key's fields
 * are left to cache_entry_encode(). */
bool session_fetch(struct server *server, const struct login_request *request,
                   struct cache_entry *entry, struct error *err) must_check;
/* false, as mark_check() says it, where what has just come is no longer wanted, because the person
 * logged out, or the shell ended, while the server was asked: it is out of the cache, its session,
 * which the request may have begun anew, has ended, and entry is cleared. */
bool session_is_wanted(struct server *server, const struct cache_key *key,
                       struct cache_entry *entry, struct error *err) must_check;
/* This login's session of that role on this node. None is no error. */
bool session_end(struct server *server, const char *role, struct error *err) must_check;
