/* secret.h - a token that printf will not take and that is wiped when it goes. */
#pragma once

#include "lib/error.h"

struct secret {
        char *text_; /* through secret_text() alone */
        size_t length;
};

/* Copies; the old content is wiped. */
void secret_set(struct secret *secret, const char *text, size_t length);
struct secret secret_take(struct secret *secret);
void secret_clear(struct secret *secret);
bool secret_is_empty(const struct secret *secret);
/* "" when empty. The one place to grep for. */
const char *secret_text(const struct secret *secret);
