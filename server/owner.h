/* owner.h - whose socket is at the other end of a local connection: tailscaled's, or another's. */
#pragma once

#include "lib/error.h"

struct sockaddr;

/* Asks the kernel, which answers at once: sock_diag(7) for the user that owns the peer's end, and
 * SO_PEERCRED for the one that tailscaled runs as. true only when both are told and the same; it
 * proves nothing, but a process of another user is no tailscaled. */
bool owner_is_tailscaled(const struct sockaddr *peer, const struct sockaddr *local,
                         const char *socket_path);
