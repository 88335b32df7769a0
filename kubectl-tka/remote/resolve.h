/* resolve.h - the addresses of a host name, as the system knows them, within a deadline. */
#pragma once

#include "lib/json.h"

struct loop;

/* Adds them as texts, IPv4 first. An address in digits is its own answer. NOT_FOUND: the name has
 * none; UNAVAILABLE: no answer in time. */
bool resolve_host(struct loop *loop, const char *host, int64_t timeout_ms,
                  struct text_list *addresses, struct error *err) must_check;
