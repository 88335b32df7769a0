/* legacy.h - servers of the public TKA: they speak of a login and a kubeconfig, and know no
 * /credential. */
#pragma once

#include "kubectl-tka/remote/session.h"

/* As session_fetch(), by POST login and as many GET kubeconfig as it takes. Such a server grants
 * what it grants: a request for a period, a reason or namespaces is refused, and so is a role that
 * it does not give. */
bool legacy_fetch(struct server *server, const struct login_request *request,
                  struct cache_entry *entry, struct error *err) must_check;
/* The kubeconfig with the token of the session there is, in the form of the file; waits while it is
 * being prepared. The caller owns *list. */
bool legacy_kubeconfig(struct server *server, json_t **list, struct error *err) must_check;
