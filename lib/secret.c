#include "lib/secret.h"

#include "lib/memory.h"

void secret_set(struct secret *secret, const char *text, size_t length)
{
        char *copy = length ? xstrndup(text, length) : NULL;

        secret_clear(secret);
        secret->text_ = copy;
        secret->length = length;
}

struct secret secret_take(struct secret *secret)
{
        struct secret taken = *secret;

        *secret = (struct secret){ 0 };
        return taken;
}

void secret_clear(struct secret *secret)
{
        free_wiped(secret->text_);
        *secret = (struct secret){ 0 };
}

bool secret_is_empty(const struct secret *secret)
{
        return !secret->length;
}

const char *secret_text(const struct secret *secret)
{
        return secret->text_ ? secret->text_ : "";
}
