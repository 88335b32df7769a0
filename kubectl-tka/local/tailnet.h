/* tailnet.h - this machine's own addresses in the tailnet, as the kernel shows them. */
#pragma once

#include "lib/error.h"

/* Sorted, joined by ','; "" where no interface has one (tailscaled without TUN, or stopped). The
 * caller's. */
char *tailnet_addresses(void);
/* false when the machine shows addresses and they are others than those recorded: it is another
 * node of the tailnet by now, perhaps another person's. */
bool tailnet_is_same(const char *recorded, const char *shown);
