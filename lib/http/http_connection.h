/* http_connection.h - the inside of the HTTP server, for its own files: lib/http/http_server.c
 * listens, http_connection.c reads and writes, http_route.c runs handlers, http_exchange.c answers.
 */
#pragma once

#include "lib/buf.h"
#include "lib/fiber.h"
#include "lib/http/http_address.h"
#include "lib/http/http_peers.h"
#include "lib/http/http_server.h"
#include "lib/loop.h"

/* What one connection may send before its turn: a whole request. */
#define HTTP_HELD_MAX (LIMIT_HTTP_HEAD + LIMIT_HTTP_BODY)

struct bufferevent;
struct evconnlistener;

struct http_listener {
        struct http_server *server;
        struct evconnlistener *accepting;
        struct loop_timer *resume; /* after the process ran out of descriptors */
        size_t count;              /* of its connections, which may outlive it */
        int port;
        bool stopped; /* the server knows it no longer */
        struct http_listener *next;
};

struct http_server {
        struct loop *loop;
        struct http_server_options options;
        struct http_listener *listeners, **listeners_end;
        struct http_connection *connections; /* newest first */
        struct http_connection *oldest;
        struct http_peers *peers;
        size_t held;              /* bytes of requests that are here and not answered */
        struct loop_timer *sweep; /* one for all deadlines: set to the earliest known */
        int64_t sweep_at_ms;
        size_t running; /* exchanges whose handler has not returned */
        bool draining;
        struct wait progress; /* a connection or an exchange is gone */
        /* From lib/limits.h; here so that tests need not wait for minutes. */
        int64_t read_ms, read_head_ms, idle_ms, write_ms, linger_ms;
        size_t limit_connections, limit_peer_connections, limit_held;
};

enum http_connection_state {
        HTTP_CONNECTION_IDLE,   /* no byte of the next request is here */
        HTTP_CONNECTION_READ,   /* a part of it is */
        HTTP_CONNECTION_RUN,    /* the handler runs or waits */
        HTTP_CONNECTION_WRITE,  /* the answer is on its way */
        HTTP_CONNECTION_LINGER, /* all is said; what still comes is thrown away */
};

struct http_connection {
        struct http_server *server;
        struct http_listener *listener;
        struct bufferevent *stream; /* NULL once the client is gone */
        struct http_exchange *exchange;
        struct http_connection *next, *previous;
        struct http_peer *host;   /* where it comes from, NULL on loopback */
        struct http_peer *client; /* as who it was named, NULL while that is not known */
        struct loop_task go_on;
        enum http_connection_state state;
        int64_t deadline_ms;
        int64_t began_us; /* the first byte of the request was here */
        size_t needed;    /* bytes of head and body, 0 while the head is not whole */
        size_t looked_at; /* bytes of a head that is not whole */
        size_t held;      /* its share of the server's */
        size_t thrown_away;
        bool keep_alive; /* ours and the client's wish */
        bool ended;      /* the client sends nothing more */
        bool serving;    /* within serve(), which goes on when the exchange is settled */
        bool settled;    /* answered, written, and its handler has returned */
        union http_address peer, local;
        char peer_text[HTTP_ADDRESS_TEXT_SIZE];
};

struct http_exchange {
        struct http_connection *connection;
        const struct http_route *route; /* NULL: none matched */
        struct fiber *fiber;            /* while it runs on one */
        char *bytes;                    /* of the request, length of them; its parts end in NUL */
        size_t length, body_length;
        struct http_header *received;
        size_t received_count;
        const char *method, *target, *query;
        const char *body;
        struct buf headers; /* of the answer, added by the handler */
        char trace_id[33], trace_flags[3], span_id[17], parent_id[17];
        int64_t began_us;
        bool head_only, answered;
};

/* Takes the descriptor. */
void http_connection_start(struct http_listener *listener, int fd, const struct sockaddr *peer);
/* Nothing more is read or written; what runs is cancelled. */
void http_connection_drop(struct http_connection *connection);
/* Whoever waits for a next request has a moment left to send it. */
void http_connection_drain(struct http_connection *connection);
/* The handler is told to give up; its answer still goes out. */
void http_connection_cancel(struct http_connection *connection);
/* Closed without harm: nothing runs for it, and nobody knows whose it is. */
bool http_connection_is_spare(const struct http_connection *connection);
void http_connection_pass_deadline(struct http_connection *connection);
void http_connection_write(struct http_connection *connection, const struct buf *answer);
/* The handler has returned. Frees the exchange. */
void http_connection_finish(struct http_connection *connection);

void http_server_set_deadline(struct http_server *server, struct http_connection *connection,
                              int64_t delay_ms);
/* The head, or once that is whole the body, must be here at its deadline. */
void http_server_await_rest(struct http_server *server, struct http_connection *connection);
void http_server_add(struct http_connection *connection);
void http_server_forget(struct http_connection *connection);

/* A request that was read whole: bytes is the exchange's from now on, head points into it. */
struct http_exchange *http_exchange_new(struct http_connection *connection, char *bytes,
                                        const struct http_head *head);
/* One that was refused. */
struct http_exchange *http_exchange_new_refused(struct http_connection *connection);
void http_exchange_free(struct http_exchange *exchange);
void http_exchange_reply_error(struct http_exchange *exchange, const struct error *err);

/* Finds the route and runs its handler; ends in http_connection_finish(). */
void http_route_run(struct http_exchange *exchange);
/* Answers with the error; the same end. */
void http_route_refuse(struct http_exchange *exchange, const struct error *err);
