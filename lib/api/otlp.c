#include "lib/api/otlp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/http/http_client.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define EVERY_MS 1000
#define SEND_MS 5000
#define LAST_MS 2000 /* for the last batch, at the end */
#define KIND_SERVER 2
#define STATUS_ERROR 2

struct otlp {
        struct loop *loop;
        struct http_client *http;
        char *url;
        json_t *resource, *scope;
        json_t *pending; /* array of spans */
        struct fiber *fiber;
        struct wait ended; /* the fiber is */
        bool stopped;
        int64_t sent, dropped;
};

static json_t *attribute(const char *key, const char *value)
{
        return json_pack("{s:s, s:{s:o}}", "key", key, "value", "stringValue", json_text(value));
}

static json_t *describe(const struct otlp_span *span)
{
        json_t *attributes = json_array();
        char start[24], end[24];

        snprintf(start, sizeof(start), "%" PRId64, span->start_ns);
        snprintf(end, sizeof(end), "%" PRId64, span->end_ns);
        for (size_t i = 0; i < span->attribute_count; i++)
                if (span->attributes[i][1] != NULL)
                        json_array_append_new(attributes, attribute(span->attributes[i][0],
                                                                    span->attributes[i][1]));

        json_t *described = json_pack(
                "{s:s, s:s, s:o, s:i, s:s, s:s, s:o}", "traceId", span->trace_id, "spanId",
                span->span_id, "name", json_text(span->name), "kind", KIND_SERVER,
                "startTimeUnixNano", start, "endTimeUnixNano", end, "attributes", attributes);
        if (span->parent_id[0] != '\0')
                json_object_set_new(described, "parentSpanId", json_string(span->parent_id));
        if (span->failure != NULL)
                json_object_set_new(described, "status",
                                    json_pack("{s:i, s:o}", "code", STATUS_ERROR, "message",
                                              json_text(span->failure)));
        return described;
}

static void send_batch(struct otlp *otlp, int64_t timeout_ms)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        int64_t count = (int64_t)json_array_size(otlp->pending);
        json_auto_t *body = json_pack("{s:[{s:O, s:[{s:O, s:o}]}]}", "resourceSpans", "resource",
                                      otlp->resource, "scopeSpans", "scope", otlp->scope, "spans",
                                      take(otlp->pending));
        struct error err = { 0 };

        otlp->pending = json_array();
        json_print(body, &text);
        const struct http_request request = { .method = "POST",
                                              .url = otlp->url,
                                              .body = text.text,
                                              .body_length = text.length,
                                              .content_type = "application/json",
                                              .timeout_ms = timeout_ms,
                                              .limit_bytes = LIMIT_OTLP_ANSWER };
        bool taken = http_client_send(otlp->http, &request, &reply, &err) && reply.status == 200;

        *(taken ? &otlp->sent : &otlp->dropped) += count;
}

static void run(void *argument)
{
        struct otlp *otlp = argument;
        struct error err = { 0 };

        while (!otlp->stopped && wait_ms(otlp->loop, EVERY_MS, &err))
                if (json_array_size(otlp->pending) > 0)
                        send_batch(otlp, SEND_MS);
        otlp->fiber = NULL;
        wait_wake(&otlp->ended);
}

static char *make_url(const char *endpoint)
{
        const char *host = strstr(endpoint, "://") + 3;
        size_t length = strlen(endpoint);
        const char *slash = strchr(host, '/');

        if (slash != NULL && slash[1] != '\0')
                return xstrdup(endpoint);
        return xasprintf("%.*s/v1/traces", (int)(slash != NULL ? length - 1 : length), endpoint);
}

struct otlp *otlp_new(struct loop *loop, const struct otlp_options *options)
{
        const struct http_client_options client = { .in_flight = 1,
                                                    .user_agent = options->service };
        struct otlp *otlp = xcalloc(1, sizeof(*otlp));

        otlp->loop = loop;
        otlp->http = http_client_new(loop, &client);
        otlp->url = make_url(options->endpoint);
        otlp->resource =
                json_pack("{s:[o, o]}", "attributes", attribute("service.name", options->service),
                          attribute("service.version", options->version));
        otlp->scope =
                json_pack("{s:s, s:s}", "name", options->service, "version", options->version);
        otlp->pending = json_array();
        otlp->fiber = fiber_start(loop, run, otlp);
        return otlp;
}

void otlp_free(struct otlp *otlp)
{
        struct error err = { 0 };

        if (otlp == NULL)
                return;
        otlp->stopped = true;
        if (otlp->fiber != NULL) {
                fiber_cancel(otlp->fiber);
                (void)!wait_for(otlp->loop, &otlp->ended, SEND_MS, &err);
        }
        if (json_array_size(otlp->pending) > 0)
                send_batch(otlp, LAST_MS);
        http_client_free(otlp->http);
        json_decref(otlp->resource);
        json_decref(otlp->scope);
        json_decref(otlp->pending);
        free(otlp->url);
        free(otlp);
}

void otlp_add(struct otlp *otlp, const struct otlp_span *span)
{
        if (json_array_size(otlp->pending) >= LIMIT_OTLP_SPANS)
                otlp->dropped++;
        else
                json_array_append_new(otlp->pending, describe(span));
}

int64_t otlp_sent(const struct otlp *otlp)
{
        return otlp->sent;
}

int64_t otlp_dropped(const struct otlp *otlp)
{
        return otlp->dropped;
}
