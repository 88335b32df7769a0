/* session.h - a credential from the server, as it is kept in the cache. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"
#include "kubectl-tka/remote/server.h"
#include "schema/login.h"

/* Signs in if need be, waits for the operator, brings the token: one round trip. The key's fields
 * are left to cache_entry_encode(). */
bool session_fetch(struct server *server, const struct login_request *request,
                   struct cache_entry *entry, struct error *err) must_check;
/* For what came when it was no longer wanted, because the person logged out, or the shell ended,
 * while the server was asked: out of the cache, and its session, which the request may have begun
 * anew, ends. Clears entry. */
void session_take_back(struct server *server, const struct cache_key *key,
                       struct cache_entry *entry);
/* This login's session of that role on this node. None is no error. */
bool session_end(struct server *server, const char *role, struct error *err) must_check;
