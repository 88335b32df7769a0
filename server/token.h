/* token.h - a ServiceAccount's token for a session that is ready. */
#pragma once

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
/* Reads the payload of a JWT: its end, its id, and whether it speaks for that ServiceAccount uid.
 * Checks no signature: it comes from the API server itself. */
bool token_read_claims(const char *jwt, const char *uid, struct token *token,
                       struct error *err) must_check;
