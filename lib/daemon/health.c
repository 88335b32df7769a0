#include "lib/daemon/health.h"

#include "lib/daemon/metrics.h"
#include "lib/json.h"
#include "lib/memory.h"

#define RETRY_AFTER_SECONDS 1

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

static bool handle_readyz(void *owner, struct http_exchange *exchange, struct error *err)
{
        const struct health *health = owner;

        if (health->check(health->owner, err))
                reply(exchange, 200, "ready", health->ready);
        else
                reply(exchange, 503, "not ready", err->text);
        return true;
}

static void reply_metrics(const struct health *health, struct http_exchange *exchange,
                          void (*print)(void *owner, struct buf *text))
{
        scoped(buf_clear) struct buf text = { 0 };

        print(health->owner, &text);
        http_exchange_reply(exchange, 200, METRICS_CONTENT_TYPE, buf_text(&text), text.length);
}

static bool handle_metrics(void *owner, struct http_exchange *exchange, struct error *err)
{
        const struct health *health = owner;

        (void)err;
        reply_metrics(health, exchange, health->print);
        return true;
}

static bool handle_metrics_controller(void *owner, struct http_exchange *exchange,
                                      struct error *err)
{
        const struct health *health = owner;

        (void)err;
        reply_metrics(health, exchange, health->print_controller);
        return true;
}

static void note_answer(void *owner, const struct http_outcome *outcome)
{
        const struct health *health = owner;

        if (health->answered)
                health->answered(health->owner, outcome);
}

struct http_server *health_listen(struct loop *loop, struct health *health, const char *address,
                                  int64_t port, struct error *err)
{
        static const struct http_route routes[] = {
                { "GET", "/livez",              true, handle_livez              },
                { "GET", "/readyz",             true, handle_readyz             },
                { "GET", "/ready",              true, handle_readyz             },
                { "GET", "/metrics",            true, handle_metrics            },
                { "GET", "/metrics/controller", true, handle_metrics_controller },
        };
        const struct http_server_options options = { .routes = routes,
                                                     .route_count = ARRAY_LENGTH(routes),
                                                     .owner = health,
                                                     .answered = note_answer,
                                                     .retry_after_seconds = RETRY_AFTER_SECONDS };
        struct http_server *server = http_server_new(loop, &options);

        if (http_server_listen_on(server, address, (int)port, NULL, err))
                return server;
        error_wrap(err, "health.address");
        http_server_free(server);
        return NULL;
}
