#include "schema/login.h"

#include "lib/api/kube.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/session.h"

#define LOGIN_MS 10000 /* an old session of that name may still be ending */

static void reply_login(struct http_exchange *exchange, int status, const struct signin *signin)
{
        char until[TIMESTAMP_TEXT_SIZE];

        timestamp_format(session_ends_at(signin), until);
        const struct login login = {
                .username = signin->spec.username,
                .role = signin->spec.role,
                .until = until,
        };
        json_auto_t *body = login_encode(&login);

        http_exchange_reply_json(exchange, status, body);
}

/* false only when it never will be ready. */
static bool wait_until_ready(struct server *server, const struct http_exchange *exchange,
                             struct signin *signin, bool *ready, struct error *err)
{
        int64_t wait_ms = request_wait_ms(http_exchange_header(exchange, "Prefer"));
        scoped_free char *name = xstrdup(signin->name);

        *ready = session_wait_ready(server, name, loop_now_ms() + wait_ms, signin, err);
        return *ready || err->kind == ERROR_PENDING;
}

bool handle_login(struct server *server, struct caller *caller, struct http_exchange *exchange,
                  struct error *err)
{
        scoped(login_request_clear) struct login_request request = { 0 };
        scoped(signin_clear) struct signin signin = { 0 };
        struct grant grant;
        bool ready = false;

        if (!request_decide(server, caller, exchange, &request, &grant, err))
                return false;

        const struct session_wish wish = { &grant, request.reason, loop_now_ms() + LOGIN_MS };
        if (!session_start(server, caller, &wish, &signin, err))
                return false;
        if (request_wait_ms(http_exchange_header(exchange, "Prefer")) > 0 &&
            !wait_until_ready(server, exchange, &signin, &ready, err))
                return false;
        reply_login(exchange, 202, &signin);
        return true;
}

bool handle_login_status(struct server *server, struct caller *caller,
                         struct http_exchange *exchange, struct error *err)
{
        scoped(signin_clear) struct signin signin = { 0 };
        char role[LIMIT_ROLE + 1];
        bool ready = false;

        if (!request_read_role(caller, exchange, role, err) ||
            !session_pick(server, caller, role[0] == '\0' ? NULL : role, &signin, err) ||
            !wait_until_ready(server, exchange, &signin, &ready, err))
                return false;
        if (!ready)
                http_exchange_add_retry_after(exchange, server->config->retry_after_seconds);
        reply_login(exchange, ready ? 200 : 202, &signin);
        return true;
}
