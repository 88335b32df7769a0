#include "operator/health.h"

#include "lib/memory.h"
#include "lib/metrics.h"

static void reply(struct http_exchange *exchange, int status, const char *word, const char *reason)
{
        json_auto_t *body = json_pack("{s:s, s:o}", "status", word, "reason", json_text(reason));

        http_exchange_reply_json(exchange, status, body);
}

static bool handle_livez(void *owner, struct http_exchange *exchange, struct error *err)
{
        (void)owner;
        (void)err;
        reply(exchange, 200, "alive", "the event loop turns");
        return true;
}

static bool check_ready(const struct health *health, struct error *err)
{
        if (health->draining)
                return error_set(err, ERROR_UNAVAILABLE, "shutting down");
        if (health->controller == NULL)
                return error_set(err, ERROR_UNAVAILABLE, "starting");
        return controller_check(health->controller, err);
}

static bool handle_readyz(void *owner, struct http_exchange *exchange, struct error *err)
{
        if (check_ready(owner, err))
                reply(exchange, 200, "ready", "sessions are followed");
        else
                reply(exchange, 503, "not ready", err->text);
        return true;
}

static bool handle_metrics(void *owner, struct http_exchange *exchange, struct error *err)
{
        const struct health *health = owner;
        scoped(buf_clear) struct buf text = { 0 };

        (void)err;
        if (health->controller != NULL)
                controller_measure(health->controller);
        metrics_print(health->program->metrics, &text);
        http_exchange_reply(exchange, 200, METRICS_CONTENT_TYPE, buf_text(&text), text.length);
        return true;
}

const struct http_route *health_routes(size_t *count)
{
        static const struct http_route routes[] = {
                { "GET", "/livez",              true, handle_livez   },
                { "GET", "/readyz",             true, handle_readyz  },
                { "GET", "/ready",              true, handle_readyz  },
                { "GET", "/metrics",            true, handle_metrics },
                { "GET", "/metrics/controller", true, handle_metrics },
        };

        *count = ARRAY_LENGTH(routes);
        return routes;
}
