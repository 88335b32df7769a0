/* Any JSON as the API server's answer to a TokenRequest. */
#include <string.h>

#include "schema/limits.h"
#include "schema/signin.h"
#include "server/token.h"

#define ENDS 4000000000

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        scoped(token_clear) struct token token = { 0 };
        json_auto_t *answer = NULL;
        struct error err = { 0 };

        if (!json_parse_object((const char *)text, length, &answer, &err))
                return 0;
        if (!token_decode(answer, "u1", ENDS, &token, &err)) {
                if (!secret_is_empty(&token.secret) || token.expires != 0)
                        __builtin_trap();
                return 0;
        }
        /* A token that is handed out is one, and does not outlive its session. */
        if (secret_is_empty(&token.secret) || token.expires <= 0 || token.expires > ENDS ||
            token.secret.length > LIMIT_TOKEN)
                __builtin_trap();
        return 0;
}
