#include "kubectl-tka/remote/jwt.h"

#include <string.h>

#include <openssl/evp.h>

#include "lib/json.h"
#include "lib/memory.h"

#define PAYLOAD_MAX 8192

/* base64url without padding to base64 with it, as OpenSSL wants it. */
static char *to_base64(const char *text, size_t length)
{
        size_t padded = (length + 3) / 4 * 4;
        char *base64 = xcalloc(1, padded + 1);

        for (size_t i = 0; i < padded; i++) {
                char c = '=';
                if (i < length)
                        c = text[i];
                if (c == '-')
                        c = '+';
                if (c == '_')
                        c = '/';
                base64[i] = c;
        }
        return base64;
}

int64_t jwt_expires(const struct secret *token)
{
        const char *payload = strchr(secret_text(token), '.');
        size_t length = payload ? strcspn(payload + 1, ".") : 0;
        unsigned char bytes[PAYLOAD_MAX];
        json_auto_t *claims = NULL;
        struct error ignored = { 0 };

        if (length == 0 || length > PAYLOAD_MAX)
                return 0;
        scoped_free char *base64 = to_base64(payload + 1, length);
        int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)strlen(base64));
        if (decoded < 0)
                return 0;
        size_t whole = length * 3 / 4; /* without what the padding stood for */
        if (!json_parse_object((const char *)bytes, whole, &claims, &ignored))
                return 0;
        return json_integer_at(claims, "exp", 0);
}
