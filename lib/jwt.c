#include "lib/jwt.h"

#include <string.h>

#include <openssl/evp.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "lib/memory.h"

/* base64url without padding (RFC 7515, 2) to base64 with it, as OpenSSL wants it. */
static char *to_base64(const char *text, size_t length)
{
        char *base64 = xasprintf("%.*s%.*s", (int)length, text, (int)((4 - length % 4) % 4), "==");

        for (char *at = base64; *at; at++) {
                if (*at == '-')
                        *at = '+';
                if (*at == '_')
                        *at = '/';
        }
        return base64;
}

static bool decode(const char *text, size_t length, json_t **claims, struct error *err)
{
        scoped_free char *base64 = to_base64(text, length);
        scoped_free unsigned char *bytes = xmalloc(length + 4);
        size_t whole = length * 3 / 4; /* without what the padding stands for */

        return EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)strlen(base64)) >=
                       (int)whole &&
               json_parse_object((const char *)bytes, whole, claims, err);
}

bool jwt_read(const char *token, json_t **claims, struct error *err)
{
        const char *payload = strchr(token, '.');
        const char *end = payload ? strchr(payload + 1, '.') : NULL;
        size_t length = end ? (size_t)(end - payload) - 1 : 0;

        return (length > 0 && length <= LIMIT_TOKEN_FILE &&
                decode(payload + 1, length, claims, err)) ||
               error_set(err, ERROR_INVALID, "the token is no JWT");
}

int64_t jwt_expires(const char *token)
{
        json_auto_t *claims = NULL;
        struct error ignored = { 0 };

        return jwt_read(token, &claims, &ignored) ? json_integer_at(claims, "exp", 0) : 0;
}
