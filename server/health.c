#include "lib/memory.h"
#include "lib/metrics.h"
#include "server/handlers.h"
#include "server/identity.h"
#include "server/server.h"
#include "server/signin_store.h"
#include "server/telemetry.h"

static void reply(struct http_exchange *exchange, int status, const char *word, const char *reason)
{
        json_auto_t *body = json_pack("{s:s, s:s}", "status", word, "reason", reason);

        http_exchange_reply_json(exchange, status, body);
}

static bool handle_livez(void *owner, struct http_exchange *exchange, struct error *err)
{
        (void)owner;
        (void)err;
        reply(exchange, 200, "alive", "the event loop turns");
        return true;
}

/* Everything a login needs, as it is now. */
static bool check_ready(const struct server *server, struct error *err)
{
        if (server->draining)
                return error_set(err, ERROR_UNAVAILABLE, "shutting down");
        if (!identity_is_running(server->identity, err))
                return false;
        if (!server->listening)
                return error_set(err, ERROR_UNAVAILABLE, "not listening on the tailnet: %s",
                                 server->trouble);
        if (!signin_store_is_synced(server->signins))
                return error_set(err, ERROR_UNAVAILABLE, "watching the sessions: %s",
                                 signin_store_trouble(server->signins));
        return true;
}

static bool handle_readyz(void *owner, struct http_exchange *exchange, struct error *err)
{
        if (check_ready(owner, err))
                reply(exchange, 200, "ready", "tailscale server is Running state");
        else
                reply(exchange, 503, "not ready", err->text);
        return true;
}

static bool handle_metrics(void *owner, struct http_exchange *exchange, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };

        (void)err;
        telemetry_print(owner, &text);
        http_exchange_reply(exchange, 200, METRICS_CONTENT_TYPE, buf_text(&text), text.length);
        return true;
}

static bool handle_metrics_controller(void *owner, struct http_exchange *exchange,
                                      struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };

        (void)err;
        telemetry_print_kube(owner, &text);
        http_exchange_reply(exchange, 200, METRICS_CONTENT_TYPE, buf_text(&text), text.length);
        return true;
}

const struct http_route *routes_health(size_t *count)
{
        static const struct http_route routes[] = {
                { "GET", "/livez",              true, handle_livez              },
                { "GET", "/readyz",             true, handle_readyz             },
                { "GET", "/ready",              true, handle_readyz             },
                { "GET", "/metrics",            true, handle_metrics            },
                { "GET", "/metrics/controller", true, handle_metrics_controller },
        };

        *count = ARRAY_LENGTH(routes);
        return routes;
}
