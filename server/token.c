#include "server/token.h"

#include <string.h>

#include "lib/api/kube.h"
#include "lib/jwt.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/limits.h"
#include "schema/signin.h"
#include "server/audit.h"
#include "server/session.h"
#include "server/signin_store.h"

#define SHORTEST_SECONDS 600 /* less is refused by the API server */

void token_clear(struct token *token)
{
        secret_clear(&token->secret);
        *token = (struct token){ 0 };
}

static json_t *build_request(const struct signin *signin, int64_t seconds)
{
        return json_pack("{s:s, s:s, s:{s:s}, s:{s:I}}", "apiVersion", "authentication.k8s.io/v1",
                         "kind", "TokenRequest", "metadata", "uid",
                         signin->status.service_account_uid, "spec", "expirationSeconds",
                         (json_int_t)seconds);
}

/* Whose it is, when it ends and its id. */
static bool read_claims(const char *jwt, const char *uid, struct token *token, struct error *err)
{
        json_auto_t *payload = NULL;

        if (!jwt_read(jwt, &payload, err)) {
                err->kind = ERROR_INTERNAL;
                return error_wrap(err, "reading the token of the API server");
        }

        const json_t *kubernetes = json_object_get(payload, "kubernetes.io");
        const char *found = json_text_at(kubernetes, "serviceaccount.uid");
        const char *jti = json_text_at(payload, "jti");
        int64_t expires = json_integer_at(payload, "exp", 0);

        if (found == NULL || strcmp(found, uid) != 0)
                return error_set(err, ERROR_CONFLICT,
                                 "the token is for another ServiceAccount of that name");
        if (expires <= 0)
                return error_set(err, ERROR_INTERNAL, "the token does not say when it ends");
        token->expires = expires;
        snprintf(token->jti, sizeof(token->jti), "%s", jti == NULL ? "" : jti);
        return true;
}

static void shorten(struct token *token, int64_t ends)
{
        if (ends < token->expires)
                token->expires = ends;
}

bool token_decode(const json_t *answer, const char *uid, int64_t ends, struct token *token,
                  struct error *err)
{
        const char *text = json_text_at(answer, "status.token");
        const char *expiration = json_text_at(answer, "status.expirationTimestamp");
        struct token read = { 0 };
        struct error ignored = { 0 };
        int64_t expires = 0;

        if (text == NULL || strlen(text) > LIMIT_TOKEN)
                return error_set(err, ERROR_INTERNAL, "the API server's answer holds no token");
        if (!read_claims(text, uid, &read, err))
                return false;
        if (expiration != NULL && timestamp_parse(expiration, &expires, &ignored))
                shorten(&read, expires);
        shorten(&read, ends);
        if (read.expires <= 0)
                return error_set(err, ERROR_INTERNAL, "the token has ended before it began");
        secret_set(&read.secret, text, strlen(text));
        token_clear(token);
        *token = read;
        return true;
}

/* Gone, or of another session: to be looked at anew. Everything else is told as it is. */
static bool explain(struct error *err)
{
        if (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT) {
                err->kind = ERROR_CONFLICT;
                err->http_status = 0;
                return error_wrap(err, "asking for a token");
        }
        return signin_store_explain(err, "asking for a token");
}

bool token_issue(struct server *server, const struct caller *caller, const struct signin *signin,
                 struct token *token, struct error *err)
{
        static const struct kube_resource accounts = { "", "v1", "serviceaccounts" };
        int64_t left = session_ends_at(signin) - kube_now(server->kube);
        scoped_free char *path =
                kube_path(&accounts, signin->namespace_name, signin->name, "token");
        json_auto_t *request =
                build_request(signin, left > SHORTEST_SECONDS ? left : SHORTEST_SECONDS);
        json_auto_t *answer = NULL;
        scoped(token_clear) struct token issued = { 0 };

        if (left <= 0)
                return error_set(err, ERROR_UNAUTHENTICATED, "the session has ended");
        if (!kube_create(server->kube, path, request, &answer, err) ||
            !token_decode(answer, signin->status.service_account_uid, session_ends_at(signin),
                          &issued, err))
                return explain(err);

        const struct audit audit = { .event = "issue",
                                     .trace_id = caller->trace_id,
                                     .whois = &caller->whois,
                                     .signin = signin,
                                     .jti = issued.jti,
                                     .until = issued.expires };
        audit_write(&audit);
        token_clear(token);
        *token = issued;
        issued = (struct token){ 0 };
        return true;
}
