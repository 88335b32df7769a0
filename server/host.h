/* host.h - whether a request was meant for this server: the name in its Host header. Pure.
 *
 * A page of somebody else's can let its own name point to our address (DNS rebinding), and a
 * browser in the tailnet would then ask us in its owner's name and show the page the answer. The
 * name it asks for is the page's, not ours. */
#pragma once

#include "lib/json.h"

/* host: as sent, with or without a port. Ours are addresses, names without a dot, the node's own
 * name and others of its tailnet's domain, and those that are listed. node: "tka.tailnet.ts.net.",
 * or NULL while it is not known. */
bool host_is_ours(const char *host, const char *node, const struct text_list *listed);
