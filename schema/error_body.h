/* error_body.h - {"message", "advice"?, "cause"?}: how the server says no. */
#pragma once

#include "lib/error.h"

/* Sets *err from the answer with that status: kind by error_from_http(), text from message and its
 * causes, advice from all of it. A body that is not such an object gives its status and a
 * short sanitized excerpt. Always returns false, so that a caller can return it. */
bool error_body_decode(int http_status, const char *body, size_t length, struct error *err);
