#include "lib/api/otlp.h"

#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "tests/unit/lib/http/peer.h"

#define TRACE "0123456789abcdef0123456789abcdef"
#define SPAN "0123456789abcdef"

static const struct peer_answer taking[] = {
        { PEER_JSON("200 OK", "{}"), PEER_CLOSES }
};
static const struct peer_answer refusing[] = {
        { PEER_JSON("503 No", "{}"), PEER_CLOSES }
};

static struct otlp *open_exporter(struct loop *loop, const char *endpoint)
{
        const struct otlp_options options = { endpoint, "test", "v1" };

        return otlp_new(loop, &options);
}

static void add(struct otlp *otlp, const char *name, const char *failure)
{
        const char *const attributes[][2] = {
                { "http.route", "/a"   },
                { "absent",     NULL   },
                { "peer",       "\x80" },
        };
        const struct otlp_span span = { TRACE, SPAN, "", name, 1, 2, attributes, 3, failure };

        otlp_add(otlp, &span);
}

static void turn_until_asked(struct loop *loop, const struct peer *peer)
{
        struct error err = { 0 };

        for (int turns = 0; turns < 1000 && peer->request_count == 0; turns++)
                assert_ok(wait_ms(loop, 10, &err));
        assert_int_equal(peer->request_count, 1);
}

/* The first span of the first request. */
static json_t *read_span(const struct peer *peer, json_t **body)
{
        const char *start = strstr(peer->requests.text, "\r\n\r\n");
        struct error err = { 0 };

        assert_non_null(start);
        assert_ok(json_parse_object(start + 4, strlen(start + 4), body, &err));
        json_t *resource = json_array_get(json_object_get(*body, "resourceSpans"), 0);
        json_t *scope = json_array_get(json_object_get(resource, "scopeSpans"), 0);
        return json_array_get(json_object_get(scope, "spans"), 0);
}

TEST(sends_spans_in_the_json_of_otlp)
{
        struct loop *loop = loop_new();
        struct peer peer = { 0 };
        json_auto_t *body = NULL;

        peer_start(&peer, loop, taking, 1);
        struct otlp *otlp = open_exporter(loop, peer.url);

        add(otlp, "GET /a", "broken");
        add(otlp, "GET /a", NULL);
        turn_until_asked(loop, &peer);
        const json_t *span = read_span(&peer, &body);

        assert_string_equal(json_text_at(span, "traceId"), TRACE);
        assert_string_equal(json_text_at(span, "startTimeUnixNano"), "1");
        assert_int_equal(json_integer_at(span, "status.code", 0), 2);
        assert_int_equal(json_array_size(json_object_get(span, "attributes")), 2);
        assert_non_null(strstr(peer.requests.text, "POST /v1/traces HTTP/1.1"));
        otlp_free(otlp);
        peer_stop(&peer);
        loop_free(loop);
        assert_int_equal(fiber_count(), 0);
}

TEST(sends_what_is_left_when_it_ends)
{
        struct loop *loop = loop_new();
        struct peer peer = { 0 };

        peer_start(&peer, loop, taking, 1);
        struct otlp *otlp = open_exporter(loop, peer.url);

        add(otlp, "GET /last", NULL);
        otlp_free(otlp);
        assert_non_null(strstr(peer.requests.text, "GET /last"));
        peer_stop(&peer);
        loop_free(loop);
}

TEST(drops_what_nobody_takes_and_more_than_the_limit)
{
        struct loop *loop = loop_new();
        struct peer peer = { 0 };
        struct error err = { 0 };

        peer_start(&peer, loop, refusing, 1);
        struct otlp *otlp = open_exporter(loop, peer.url);

        for (int i = 0; i < LIMIT_OTLP_SPANS + 5; i++)
                add(otlp, "GET /a", NULL);
        assert_int_equal(otlp_dropped(otlp), 5);
        for (int turns = 0; turns < 1000 && otlp_dropped(otlp) == 5; turns++)
                assert_ok(wait_ms(loop, 10, &err));
        assert_int_equal(otlp_dropped(otlp), LIMIT_OTLP_SPANS + 5);
        assert_int_equal(otlp_sent(otlp), 0);
        otlp_free(otlp);
        peer_stop(&peer);
        loop_free(loop);
}
