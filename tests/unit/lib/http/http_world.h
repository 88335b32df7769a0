/* http_world.h - a server on loopback with routes of every kind, and clients for it, for the tests
 * of lib/http_*.c. Client and server take turns in one process. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/fiber.h"
#include "lib/http/http_connection.h"
#include "lib/http/http_server.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#define maybe_unused __attribute__((unused))
#define PATIENCE_MS 8000
#define HOST "Host: tka\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define BIG (16 << 20)

/* A server on loopback, and what happened on it. */
static struct world {
        struct loop *loop;
        struct http_server *server;
        struct wait held;
        int holding, cancelled, answered;
        char last[512]; /* "method route status message" of the last outcome */
} world;

static bool answer_now(void *owner, struct http_exchange *exchange, struct error *err)
{
        (void)owner;
        (void)err;
        http_exchange_reply(exchange, 200, "text/plain", "now\n", 4);
        return true;
}

static bool answer_echo(void *owner, struct http_exchange *exchange, struct error *err)
{
        size_t length = 0;
        const char *body = http_exchange_body(exchange, &length);

        (void)owner;
        (void)err;
        assert_int_equal(body[length], '\0');
        http_exchange_reply(exchange, 200, "text/plain", body, length);
        return true;
}

static bool answer_held(void *owner, struct http_exchange *exchange, struct error *err)
{
        struct world *at = owner;

        at->holding++;
        bool woken = wait_for(at->loop, &at->held, -1, err);

        at->holding--;
        if (!woken) {
                at->cancelled++;
                assert_non_null(http_exchange_peer_text(exchange));
                return false;
        }
        http_exchange_reply(exchange, 200, "text/plain", "held\n", 5);
        return true;
}

static bool answer_failure(void *owner, struct http_exchange *exchange, struct error *err)
{
        (void)owner;
        (void)exchange;
        error_set(err, ERROR_UNAVAILABLE, "tailscaled is \"away\"");
        return error_advise(err, "start it");
}

static bool answer_nothing(void *owner, struct http_exchange *exchange, struct error *err)
{
        (void)owner;
        (void)exchange;
        (void)err;
        return true;
}

static bool answer_big(void *owner, struct http_exchange *exchange, struct error *err)
{
        scoped_free char *body = xcalloc(1, BIG);

        (void)owner;
        (void)err;
        http_exchange_reply(exchange, 200, NULL, body, BIG);
        return true;
}

static bool answer_who(void *owner, struct http_exchange *exchange, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };
        const char *header = http_exchange_header(exchange, "x-a");

        (void)owner;
        (void)err;
        buf_printf(&text, "%s|%s|%s|%s|%s|%d|%d", http_exchange_method(exchange),
                   http_exchange_path(exchange), http_exchange_query(exchange),
                   http_exchange_peer_text(exchange), header ? header : "none",
                   http_exchange_has_header(exchange, "X-Empty"),
                   http_exchange_local(exchange)->sa_family == AF_INET6);
        http_exchange_add_header(exchange, "X-Sent", "a\r\nX-Evil: b");
        http_exchange_reply(exchange, 200, "text/plain", text.text, text.length);
        return true;
}

/* The query is who asks. */
static bool answer_named(void *owner, struct http_exchange *exchange, struct error *err)
{
        if (!http_exchange_name_client(exchange, http_exchange_query(exchange)))
                return error_set_status(err, ERROR_UNAVAILABLE, 429, "too many connections");
        return answer_now(owner, exchange, err);
}

static const struct http_route routes[] = {
        { "GET",  "/now",     true,  answer_now     },
        { "POST", "/now",     true,  answer_now     },
        { "POST", "/echo",    false, answer_echo    },
        { "GET",  "/held",    false, answer_held    },
        { "GET",  "/fail",    false, answer_failure },
        { "GET",  "/silence", true,  answer_nothing },
        { "GET",  "/big",     true,  answer_big     },
        { "GET",  "/who",     true,  answer_who     },
        { "GET",  "/named",   true,  answer_named   },
};

static void note(void *owner, const struct http_outcome *outcome)
{
        struct world *at = owner;

        at->answered++;
        assert_int_equal(strlen(outcome->trace_id), 32);
        assert_true(outcome->duration_us >= 0 && outcome->response_bytes > 0);
        snprintf(at->last, sizeof(at->last), "%s %s %d %s", outcome->method, outcome->route,
                 outcome->status, outcome->message);
}

/* tls: or NULL. */
maybe_unused static void open_world_with(const char *address, struct http_tls *tls)
{
        struct http_server_options options = {
                .routes = routes,
                .route_count = ARRAY_LENGTH(routes),
                .owner = &world,
                .answered = note,
                .retry_after_seconds = 3,
                .tls = tls,
        };
        struct error err = { 0 };

        world = (struct world){ .loop = loop_new() };
        world.server = http_server_new(world.loop, &options);
        assert_ok(http_server_listen_on(world.server, address, 0, NULL, &err));
}

maybe_unused static void open_world_at(const char *address)
{
        open_world_with(address, NULL);
}

maybe_unused static void open_world(void)
{
        open_world_at("127.0.0.1");
}

maybe_unused static void close_world(void)
{
        http_server_free(world.server);
        assert_int_equal(fiber_count(), 0);
        loop_free(world.loop);
}

maybe_unused static void turn(int64_t delay_ms)
{
        struct error err = { 0 };

        assert_ok(wait_ms(world.loop, delay_ms, &err));
}

/* One turn of the loop, and not as many as a millisecond has. */
maybe_unused static void turn_once(void)
{
        event_base_loop(loop_base(world.loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

maybe_unused static int open_socket(int family)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                abort();
        return fd;
}

/* A client is a socket; the server goes on whenever it waits. */
maybe_unused static int dial(void)
{
        struct sockaddr_in to = { .sin_family = AF_INET };
        int fd = open_socket(AF_INET);

        to.sin_port = htons((uint16_t)http_server_port(world.server));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

maybe_unused static void say_bytes(int fd, const char *bytes, size_t length)
{
        int64_t end_ms = loop_now_ms() + PATIENCE_MS;

        while (length && loop_now_ms() < end_ms) {
                ssize_t sent = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (sent < 0 && errno != EAGAIN)
                        return; /* refused in the middle: the answer tells */
                if (sent < 0)
                        turn(1);
                else
                        bytes += sent, length -= (size_t)sent;
        }
}

maybe_unused static void say(int fd, const char *text)
{
        say_bytes(fd, text, strlen(text));
}

/* Reads until the text came, or to the end of the connection when there is none. false: it was
 * reset, or the time is over. */
maybe_unused static bool hear(int fd, const char *until, struct buf *heard)
{
        int64_t end_ms = loop_now_ms() + PATIENCE_MS;
        char part[4096];

        while (loop_now_ms() < end_ms) {
                ssize_t got = recv(fd, part, sizeof(part), MSG_DONTWAIT);

                if (got > 0)
                        assert_true(buf_append(heard, part, (size_t)got));
                if (until && strstr(buf_text(heard), until))
                        return true;
                if (got == 0)
                        return !until;
                if (got < 0 && errno != EAGAIN)
                        return false;
                if (got < 0)
                        turn(1);
        }
        return false;
}

/* One request on a connection of its own, which the client half-closes; the whole answer. */
maybe_unused static char *ask(const char *request)
{
        struct buf heard = { 0 };
        int fd = dial();

        say(fd, request);
        turn(2);
        shutdown(fd, SHUT_WR);
        assert_true(hear(fd, NULL, &heard));
        close(fd);
        return buf_take(&heard);
}

maybe_unused static void assert_has(const char *text, const char *part)
{
        if (!text || !strstr(text, part))
                fail_msg("\"%s\" is not in: %s", part, text ? text : "(nothing)");
}

maybe_unused static void assert_answer(const char *request, const char *first, const char *second)
{
        scoped_free char *answer = ask(request);

        assert_has(answer, first);
        assert_has(answer, second);
}

maybe_unused static void wait_until(const int *number, int value)
{
        int64_t end_ms = loop_now_ms() + PATIENCE_MS;

        while (*number != value && loop_now_ms() < end_ms)
                turn(1);
        assert_int_equal(*number, value);
}
