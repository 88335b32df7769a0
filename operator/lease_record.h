/* lease_record.h - what a Lease says, and the Lease that takes, keeps or gives it back. Pure. */
#pragma once

#include <jansson.h>

#include "lib/error.h"

/* Whose it is, "" when it is nobody's. Borrowed. */
const char *lease_record_holder(const json_t *object);
/* An operator of another version may hold it for longer than we would; but what somebody wrote into
 * it by mistake keeps nobody from working for good. */
#define LEASE_RECORD_LONGEST_SECONDS 60
/* For how long after it was last seen to change, as whoever holds it has written; at most that. */
int64_t lease_record_duration_ms(const json_t *object);
/* Says the same about who holds it and when they last renewed it. */
bool lease_record_equals(const json_t *object, const json_t *other);

/* The bodies to POST and PUT; the caller's. What else stands in the object stays. */
json_t *lease_record_create(const char *namespace_name, const char *name, const char *holder,
                            int64_t duration_seconds, int64_t now_us);
json_t *lease_record_take(const json_t *object, const char *holder, int64_t duration_seconds,
                          int64_t now_us);
json_t *lease_record_release(const json_t *object, int64_t now_us);
