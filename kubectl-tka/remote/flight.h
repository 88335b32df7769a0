/* flight.h - one refresher per server, cluster and role; the others wait for what it brings. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"

struct loop;

/* Takes the key's lock, waiting at most timeout_ms, and keeps it in *fd until the process ends or
 * flight_end(). Never fails: without a lock (a hung holder, a file system without locks) *fd is -1
 * and the caller goes on alone. */
void flight_begin(struct loop *loop, const struct cache_key *key, int64_t timeout_ms, int *fd);
void flight_end(int *fd);
