#include "lib/duration.h"
#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "schema/exec_credential.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/session.h"
#include "server/signin_store.h"
#include "server/token.h"

#define CREDENTIAL_MS 8000 /* for the operator, and for all of it */
#define TRIES 3            /* when the ServiceAccount is replaced meanwhile */
#define LOOK_AGAIN_MS 500

/* One round: a session, ready, and a token for it. */
static bool obtain(struct server *server, struct caller *caller, const struct session_wish *wish,
                   struct signin *signin, struct token *token, struct error *err)
{
        if (!session_renew(server, caller, wish, signin, err))
                return false;

        scoped_free char *name = xstrdup(signin->name);
        return session_wait_ready(server, name, wish->deadline_ms, signin, err) &&
               token_issue(server, caller, signin, token, err);
}

static bool obtain_patiently(struct server *server, struct caller *caller,
                             const struct session_wish *wish, struct signin *signin,
                             struct token *token, struct error *err)
{
        struct error ignored = { 0 };

        for (int tries = 1; !obtain(server, caller, wish, signin, token, err); tries++) {
                if (err->kind == ERROR_PENDING)
                        return error_set(err, ERROR_UNAVAILABLE,
                                         "the operator did not provision the session in time");
                /* Replaced or ended under our eyes: look again. */
                if ((err->kind != ERROR_CONFLICT && err->kind != ERROR_UNAUTHENTICATED) ||
                    tries == TRIES || loop_now_ms() + LOOK_AGAIN_MS > wish->deadline_ms) {
                        if (err->kind == ERROR_CONFLICT)
                                err->kind = ERROR_UNAVAILABLE;
                        return false;
                }
                if (!wait_ms(server->loop, LOOK_AGAIN_MS, err))
                        return false;
                (void)!signin_store_refresh(server->signins, signin->name, &ignored);
        }
        return true;
}

static void reply(struct http_exchange *exchange, const struct signin *signin, struct token *token)
{
        struct error err = { 0 };
        struct exec_credential credential = {
                .token = token->secret,
                .expires = token->expires,
                .username = signin->spec.username,
                .role = signin->spec.role,
                .until = session_ends_at(signin),
                .renewable = true,
        };

        if (!duration_parse_seconds(signin->spec.validity_period, &credential.period_seconds, &err))
                credential.period_seconds = 0;
        json_auto_t *body = exec_credential_encode(&credential);
        http_exchange_reply_json(exchange, 200, body);
}

bool handle_credential(struct server *server, struct caller *caller, struct http_exchange *exchange,
                       struct error *err)
{
        scoped(login_request_clear) struct login_request request = { 0 };
        scoped(signin_clear) struct signin signin = { 0 };
        scoped(token_clear) struct token token = { 0 };
        struct grant grant;

        if (!request_decide(server, caller, exchange, &request, &grant, err))
                return false;

        const struct session_wish wish = { &grant, request.reason, loop_now_ms() + CREDENTIAL_MS };
        fiber_set_deadline(wish.deadline_ms);
        if (!obtain_patiently(server, caller, &wish, &signin, &token, err))
                return false;
        reply(exchange, &signin, &token);
        return true;
}
