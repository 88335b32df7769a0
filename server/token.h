/* token.h - a ServiceAccount's token for a session that is ready. */
#pragma once

#include <jansson.h>

#include "lib/secret.h"
#include "server/server.h"

struct signin;

struct token {
        struct secret secret;
        int64_t expires; /* Unix seconds: its own end or the session's, whichever is first */
        char jti[128];   /* what the API server's audit log calls it, "" when it says none */
};
void token_clear(struct token *token);

/* CONFLICT when the ServiceAccount is not, or no longer, the session's; UNAUTHENTICATED once the
 * session is over. Writes the audit line. */
bool token_issue(struct server *server, const struct caller *caller, const struct signin *signin,
                 struct token *token, struct error *err) must_check;
/* The API server's answer to a TokenRequest for the ServiceAccount of that uid; the token counts
 * until ends at most. Checks no signature: it comes from the API server itself. CONFLICT when it
 * is another ServiceAccount's. */
bool token_decode(const json_t *answer, const char *uid, int64_t ends, struct token *token,
                  struct error *err) must_check;
