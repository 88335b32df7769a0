#include "kubectl-tka/remote/legacy.h"

#include <string.h>

#include "kubectl-tka/local/tailnet.h"
#include "kubectl-tka/local/token.h"
#include "lib/fiber.h"
#include "lib/jwt.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/kubeconfig.h"
#include "schema/routes.h"

#define WAIT_MAX_SECONDS 5
#define ATTEMPTS_AFTER_ERROR 3
#define RENEW_SECONDS 120 /* a session that ends sooner is begun anew */

struct legacy {
        struct server *server;
        struct login login;
        int64_t until; /* of the session, by the server's clock; 0: not known */
        int64_t date;  /* of the server's last answer */
        bool found;    /* there was a session before */
};

static void clear_legacy(struct legacy *legacy)
{
        login_clear(&legacy->login);
}

/* What it cannot do is not silently left out. */
static bool check_request(const struct login_request *request, struct error *err)
{
        const struct {
                const char *flag;
                bool asked;
        } wishes[] = {
                { "--for",      request->period != NULL       },
                { "--reason",   request->reason != NULL       },
                { "namespaces", request->namespaces.count > 0 },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(wishes); i++)
                if (wishes[i].asked)
                        return error_set(err, ERROR_INVALID,
                                         "the server is of an older kind that knows no %s",
                                         wishes[i].flag);
        return true;
}

static bool read_login(struct legacy *legacy, struct http_reply *reply, struct error *err)
{
        struct error ignored = { 0 };

        legacy->date = reply->date;
        if (!login_decode(buf_text(&reply->body), reply->body.length, &legacy->login, err))
                return error_wrap(err, "reading the answer of %s", legacy->server->url);
        legacy->until = 0;
        if (!timestamp_parse(legacy->login.until, &legacy->until, &ignored))
                legacy->until = 0;
        return true;
}

/* *found: there is a session that lasts a while. */
static bool find_session(struct legacy *legacy, bool *lasts, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };

        *lasts = false;
        if (!server_get(legacy->server, ROUTE_LOGIN, &reply, err))
                return err->kind == ERROR_UNAUTHENTICATED;
        if (!read_login(legacy, &reply, err))
                return false;
        legacy->found = true;

        int64_t now = reply.date ? reply.date : timestamp_now();
        *lasts = reply.status == 202 || legacy->until > now + RENEW_SECONDS;
        return true;
}

static bool begin_session(struct legacy *legacy, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };

        return server_post(legacy->server, ROUTE_LOGIN, NULL, &reply, err) &&
               read_login(legacy, &reply, err);
}

/* A session that was begun for nothing is not left behind. */
static bool check_role(struct legacy *legacy, const struct login_request *request,
                       struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        struct error ignored = { 0 };

        if (!request->role || strcmp(request->role, legacy->login.role) == 0)
                return true;
        bool ended =
                legacy->found || server_post(legacy->server, ROUTE_LOGOUT, NULL, &reply, &ignored);
        error_set(err, ERROR_DENIED, "the server grants the role \"%s\", not \"%s\"%s",
                  legacy->login.role, request->role,
                  ended ? "" : ", and the session it began could not be ended");
        return error_advise(err, "it is of an older kind that lets nobody choose: log in without "
                                 "--role");
}

static int64_t clamp_wait(int64_t seconds)
{
        if (seconds < 1)
                return 1;
        return seconds < WAIT_MAX_SECONDS ? seconds : WAIT_MAX_SECONDS;
}

/* true: an answer of 200; false with *again: not yet. */
static bool ask_kubeconfig(struct server *server, struct http_reply *reply, int *attempts,
                           bool *again, struct error *err)
{
        bool answered = server_get(server, ROUTE_KUBECONFIG, reply, err);

        *again = answered && reply->status == 202;
        if (answered && *again)
                return error_set(err, ERROR_PENDING, "%s is still preparing the session",
                                 server->url);
        if (!answered)
                *again = err->http_status >= 500 && ++*attempts < ATTEMPTS_AFTER_ERROR;
        return answered;
}

/* Until it is there, for as long as the server may be asked. */
static bool await_kubeconfig(struct server *server, struct http_reply *reply, struct error *err)
{
        int attempts = 0;
        bool again = true;

        while (again) {
                http_reply_clear(reply);
                if (ask_kubeconfig(server, reply, &attempts, &again, err))
                        return true;
                int64_t wait_for_ms = clamp_wait(reply->retry_after_seconds) * 1000;
                struct error timed_out = { 0 };
                if (!again || loop_now_ms() + wait_for_ms >= server->deadline_ms ||
                    !wait_ms(server->loop, wait_for_ms, &timed_out))
                        return false;
        }
        return false;
}

static bool get_kubeconfig(struct server *server, json_t **list, int64_t *date, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };

        if (!await_kubeconfig(server, &reply, err))
                return false;
        *date = reply.date;
        return kubeconfig_decode(buf_text(&reply.body), reply.body.length, list, err) ||
               error_wrap(err, "reading the answer of %s", server->url);
}

bool legacy_kubeconfig(struct server *server, json_t **list, struct error *err)
{
        int64_t date = 0;

        return get_kubeconfig(server, list, &date, err);
}

/* The token ends by its own word, or with the session. */
static bool fill(const struct legacy *legacy, const json_t *list, struct cache_entry *entry,
                 struct error *err)
{
        const char *token = kubeconfig_token(list);
        struct cache_entry fetched = { .fetched_at = timestamp_now() };

        if (!token)
                return error_set(err, ERROR_UNAVAILABLE, "%s sent a kubeconfig without a token",
                                 legacy->server->url);
        secret_set(&fetched.token, token, strlen(token));
        fetched.expires = jwt_expires(secret_text(&fetched.token));
        if (fetched.expires == 0 || (legacy->until && legacy->until < fetched.expires))
                fetched.expires = legacy->until;
        fetched.clock_offset = legacy->date ? legacy->date - fetched.fetched_at : 0;
        fetched.until = legacy->until;
        fetched.renewable = true;
        fetched.found = legacy->found;
        if (!token_is_alive(&fetched, fetched.fetched_at)) {
                cache_entry_clear(&fetched);
                return error_set(err, ERROR_UNAVAILABLE, "%s sent a token that has ended already",
                                 legacy->server->url);
        }
        fetched.login = xstrdup(legacy->login.username);
        fetched.granted_role = xstrdup(legacy->login.role);
        fetched.addresses = tailnet_addresses();
        cache_entry_clear(entry);
        *entry = fetched;
        return true;
}

bool legacy_fetch(struct server *server, const struct login_request *request,
                  struct cache_entry *entry, struct error *err)
{
        scoped(clear_legacy) struct legacy legacy = { .server = server };
        json_auto_t *list = NULL;
        bool lasts = false;

        if (!check_request(request, err) || !find_session(&legacy, &lasts, err))
                return false;
        if (!lasts && !begin_session(&legacy, err))
                return error_wrap(err, "signing in at %s", server->url);
        return check_role(&legacy, request, err) &&
               get_kubeconfig(server, &list, &legacy.date, err) && fill(&legacy, list, entry, err);
}
