/* http_server.h - HTTP/1.1 for clients that may be hostile: strict, bounded, on our loop.
 *
 * One absolute deadline per request, one idle deadline per connection, a body no longer than
 * LIMIT_HTTP_BODY, lingering close after an error. Errors are JSON: {"message", "advice"?: []}. */
#pragma once

#include <sys/socket.h>

#include <jansson.h>

#include "lib/buf.h"
#include "lib/http/http_head.h"

struct http_exchange; /* one request and its answer */
struct http_listener; /* one address that clients connect to */
struct http_server;
struct http_tls;
struct loop;

struct http_route {
        const char *method; /* "GET" answers HEAD as well */
        const char *path;   /* exactly; "/api/v1alpha1/login" */
        /* true: handle runs on the main stack and answers before it returns; false: on a fiber. */
        bool immediate;
        /* Answers once with http_exchange_reply*(), or fails: then err becomes the answer. */
        bool (*handle)(void *owner, struct http_exchange *exchange, struct error *err);
};

/* What happened, for log and metrics; called once per answered request, errors of the parser
 * included (then route is ""). */
struct http_outcome {
        const char *method; /* "" when the parser refused */
        const char *route;  /* the route's path, or "" when none matched */
        const char *target; /* as sent, "" when unknown; at most LIMIT_HTTP_TARGET bytes */
        const char *peer;   /* "100.64.0.2:59294" or "[fd7a::2]:59294" */
        const char *trace_id;
        const char *span_id;   /* of this request */
        const char *parent_id; /* of the span that asks, or "" */
        bool sampled;          /* as who asks wishes; true when nobody said */
        int status;
        int64_t duration_us;
        size_t response_bytes;
        const char *message; /* of the error, "" when it went well */
};

struct http_server_options {
        const struct http_route *routes;
        size_t route_count;
        void *owner; /* given to every handler */
        void (*answered)(void *owner, const struct http_outcome *outcome); /* or NULL */
        /* 0: as lib/limits.h says. For a whole request, its head, the answer, the next request. */
        int64_t read_ms, read_head_ms, write_ms, idle_ms;
        struct http_tls *tls;        /* or NULL: plain; loaded before anything listens; borrowed */
        int64_t retry_after_seconds; /* Retry-After of 503 and 429 answers made from an err
                                        that does not say */
};

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options);
/* Ends what runs: handlers are cancelled, and it waits (as wait_for() does) until they returned. */
void http_server_free(struct http_server *server);

/* Binds and listens. interface: SO_BINDTODEVICE, or NULL. Several addresses can be added; port 0
 * takes a free one, see http_server_port(). What is returned is the server's; NULL: it failed. */
struct http_listener *http_server_listen(struct http_server *server, const struct sockaddr *address,
                                         socklen_t address_length, const char *interface,
                                         struct error *err) must_check;
/* "127.0.0.1" or "::1" and a port, without name look-up. */
struct http_listener *http_server_listen_on(struct http_server *server, const char *address,
                                            int port, const char *interface,
                                            struct error *err) must_check;
/* Closes that one. Its connections go on, those that nobody has accepted yet included. */
void http_server_stop_listener(struct http_listener *listener);
int http_server_port(const struct http_server *server); /* of the first listener */
/* Stops accepting, but for those that have connected already; waits (on a fiber or the main stack)
 * until running requests have answered. Handlers that run longer than that are cancelled, and their
 * clients told so. All answers from now on carry "Connection: close". */
void http_server_drain(struct http_server *server, int64_t timeout_ms);

/* The request. All borrowed until the handler returns. */
const char *http_exchange_method(const struct http_exchange *exchange);
const char *http_exchange_path(const struct http_exchange *exchange);  /* without the query */
const char *http_exchange_query(const struct http_exchange *exchange); /* "" when none */
/* The first such header's value, or NULL. */
const char *http_exchange_header(const struct http_exchange *exchange, const char *name);
/* true when any header of that name was sent, also an empty one. */
bool http_exchange_has_header(const struct http_exchange *exchange, const char *name);
const char *http_exchange_body(const struct http_exchange *exchange, size_t *length);
/* The sockaddr that accept() gave, v4-mapped addresses unmapped, and its text as WhoIs wants it. */
const struct sockaddr *http_exchange_peer(const struct http_exchange *exchange);
const char *http_exchange_peer_text(const struct http_exchange *exchange);
/* The address the connection came in at, likewise. */
const struct sockaddr *http_exchange_local(const struct http_exchange *exchange);
/* 32 hex digits: of the request's traceparent (W3C Trace Context), else new. Answered in Trace-Id
 * and traceparent. */
const char *http_exchange_trace_id(const struct http_exchange *exchange);

/* Who the peer is, which may come from several addresses or through a proxy on loopback: all
 * connections of that name are limited together, as are those of an address. false: it has too
 * many, and this one is closed after its answer. */
bool http_exchange_name_client(struct http_exchange *exchange, const char *name) must_check;

/* The answer. Headers must come before the reply. */
void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value);
void http_exchange_add_retry_after(struct http_exchange *exchange, int64_t seconds);
/* body is copied. A HEAD request gets the head alone. "Cache-Control: no-store" is always sent. */
void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type,
                         const char *body, size_t length);
void http_exchange_reply_json(struct http_exchange *exchange, int status, const json_t *body);
bool http_exchange_is_answered(const struct http_exchange *exchange);
