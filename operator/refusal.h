/* refusal.h - why a session is not provisioned: what is wrong with the TkaSignin itself. Pure. */
#pragma once

#include "lib/error.h"

struct rules;
struct signin;

#define REFUSAL_MESSAGE_SIZE 640
/* By which requested_at may be ahead of the API server's clock. */
#define REFUSAL_FUTURE_SECONDS 60

/* The reason of the condition Ready, with its message; NULL when nothing is wrong. */
const char *refusal_find(const struct signin *signin, const struct rules *rules, int64_t now,
                         char message[REFUSAL_MESSAGE_SIZE]);
/* Both 0 when they cannot be read. */
void refusal_read_times(const struct signin *signin, int64_t *requested_at, int64_t *ends_at);
