/* quota.h - how many requests one caller may make: so many at once, then so many a second. */
#pragma once

#include "lib/error.h"

struct quota;

/* per_second 0: no limit. */
struct quota *quota_new(int64_t per_second, int64_t burst);
void quota_free(struct quota *quota);

/* One request of that caller at that time (of loop_now_ms()); false, with 429, when it has to wait,
 * and *wait_seconds is how long. Callers are kept by a hash of their name; when there are more than
 * have room, the one that asked least is forgotten. */
bool quota_take(struct quota *quota, const char *caller, int64_t now_ms, int64_t *wait_seconds,
                struct error *err) must_check;
