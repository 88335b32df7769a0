/* http_fixture.h - an http_client and its peer on one loop, for the tests of lib/http_*. */
#pragma once

#include "lib/fiber.h"
#include "lib/http/http_client.h"
#include "tests/unit/lib/http/peer.h"

#define OK_KEPT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

struct fixture {
        struct loop *loop;
        struct http_client *client;
        struct peer peer;
        struct http_reply reply;
};

static inline void set_up(struct fixture *fixture, const struct peer_answer *answers, size_t count)
{
        const struct http_client_options options = { .in_flight = 2, .user_agent = "test/1" };

        *fixture = (struct fixture){ .loop = loop_new() };
        fixture->client = http_client_new(fixture->loop, &options);
        peer_start(&fixture->peer, fixture->loop, answers, count);
}

/* With a peer that answers every request with "hi", and keeps the connection. */
static inline void set_up_keeping(struct fixture *fixture)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS }
        };

        set_up(fixture, answers, ARRAY_LENGTH(answers));
}

static inline void turn_loop(struct fixture *fixture, int64_t milliseconds)
{
        struct error err = { 0 };

        assert_ok(wait_ms(fixture->loop, milliseconds, &err));
}

static inline void tear_down(struct fixture *fixture)
{
        turn_loop(fixture, 5);
        http_client_free(fixture->client);
        turn_loop(fixture, 5);
        peer_stop(&fixture->peer);
        http_reply_clear(&fixture->reply);
        loop_free(fixture->loop);
        assert_int_equal(fiber_count(), 0);
}

static inline struct http_request make_request(const struct fixture *fixture)
{
        return (struct http_request){
                .url = fixture->peer.url,
                .timeout_ms = 10000,
                .limit_bytes = 1000,
        };
}

static inline bool send_request(struct fixture *fixture, const struct http_request *request,
                                struct error *err)
{
        return http_client_send(fixture->client, request, &fixture->reply, err);
}

/* However busy the machine is: up to two seconds, seldom more than some milliseconds. */
static inline void turn_until(struct fixture *fixture, const bool *condition)
{
        for (int turns = 0; turns < 500 && !*condition; turns++)
                turn_loop(fixture, 4);
        assert_true(*condition);
}

static inline void turn_until_asked(struct fixture *fixture, size_t requests)
{
        for (int turns = 0; turns < 500 && fixture->peer.request_count < requests; turns++)
                turn_loop(fixture, 4);
        assert_int_equal(fixture->peer.request_count, requests);
}
