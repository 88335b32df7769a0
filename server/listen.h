/* listen.h - on which addresses the tailnet reaches us: follows tailscaled, never a wildcard. */
#pragma once

#include "lib/error.h"

struct listen;
struct server;

/* Asks tailscaled how it is, binds as soon as it can, and goes on watching, on a fiber of its own:
 * a listener is closed when its interface is gone, or no longer holds its address.
 * *listen is the caller's, to stop. Fails only when what was configured cannot be bound. */
bool listen_start(struct server *server, struct listen **listen, struct error *err) must_check;
void listen_stop(struct listen *listen);
