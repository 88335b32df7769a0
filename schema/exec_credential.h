/* exec_credential.h - ExecCredential (client.authentication.k8s.io/v1): what kubectl reads from its
 * plugin, and, with a "session" of ours beside it, what POST /api/v1alpha1/credential answers. */
#pragma once

#include <jansson.h>

#include "lib/json.h"
#include "lib/secret.h"
#include "schema/limits.h"

#define EXEC_CREDENTIAL_V1 "client.authentication.k8s.io/v1"
#define EXEC_CREDENTIAL_V1BETA1 "client.authentication.k8s.io/v1beta1"

struct exec_credential {
        struct secret token;
        int64_t expires; /* Unix seconds, 0: not said */
        /* "session": {"username", "role", "until", "period", "renewable"}; absent from servers that
         * only speak the public contract. */
        char *username, *role; /* or NULL */
        int64_t until;         /* Unix seconds, 0: not said */
        int64_t period_seconds;
        bool renewable;
};
void exec_credential_clear(struct exec_credential *credential);
bool exec_credential_decode(const char *body, size_t length, struct exec_credential *credential,
                            struct error *err) must_check;
/* The server's answer, session included. */
json_t *exec_credential_encode(const struct exec_credential *credential);
/* What a plugin prints: one line, apiVersion as asked, expirationTimestamp = expires (left out when
 * 0). The buffer holds the token. */
void exec_credential_print(const char *api_version, const struct secret *token, int64_t expires,
                           struct buf *buf);

/* The tables of "status" and "session", for the test of the documents. */
size_t exec_credential_status_fields(const struct json_field **table);
size_t exec_credential_session_fields(const struct json_field **table);
