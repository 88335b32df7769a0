#include "lib/http/http_connection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "lib/http/http_tls.h"
#include "lib/memory.h"

#define LOOK_BYTES 256 /* of a line without end are looked at together */
#define DRAIN_MS 1000  /* for a request that is on its way */
#define TURN 16        /* requests of one connection, before others have theirs */

static void read_request(struct http_connection *connection);

static void set_state(struct http_connection *connection, enum http_connection_state state,
                      int64_t deadline_ms)
{
        connection->state = state;
        http_server_set_deadline(connection->server, connection, deadline_ms);
}

/* The exchange may outlive the client, and needs its addresses. */
static void free_when_over(struct http_connection *connection)
{
        if (!connection->stream && !connection->exchange)
                free(connection);
}

/* What its requests take of the memory that all share. false: too much, and it is no small one. */
static bool hold(struct http_connection *connection, size_t bytes)
{
        struct http_server *server = connection->server;

        server->held += bytes - connection->held;
        connection->held = bytes;
        return bytes <= LIMIT_HTTP_HELD_SMALL || server->held <= server->limit_held;
}

void http_connection_drop(struct http_connection *connection)
{
        if (!connection->stream)
                return;
        loop_drop(connection->server->loop, &connection->go_on);
        (void)hold(connection, 0);
        bufferevent_free(connection->stream);
        connection->stream = NULL;
        http_server_forget(connection);
        http_connection_cancel(connection);
        free_when_over(connection);
}

/* What is too much stays unread: whoever goes on sending has to wait. */
static void throw_away(struct http_connection *connection, struct evbuffer *input)
{
        connection->thrown_away += evbuffer_get_length(input);
        evbuffer_drain(input, evbuffer_get_length(input));
        if (connection->thrown_away > LIMIT_HTTP_THROWN_AWAY)
                bufferevent_disable(connection->stream, EV_READ);
}

/* Says that nothing more comes, and reads on for a while: a plain close with unread bytes would
 * reset the connection, and the client might lose the answer. */
static void linger(struct http_connection *connection)
{
        http_tls_say_goodbye(connection->stream);
        shutdown(bufferevent_getfd(connection->stream), SHUT_WR);
        throw_away(connection, bufferevent_get_input(connection->stream));
        (void)hold(connection, 0);
        set_state(connection, HTTP_CONNECTION_LINGER, connection->server->linger_ms);
}

void http_connection_drain(struct http_connection *connection)
{
        if (connection->state == HTTP_CONNECTION_IDLE)
                http_server_set_deadline(connection->server, connection, DRAIN_MS);
}

void http_connection_cancel(struct http_connection *connection)
{
        if (connection->exchange && connection->exchange->fiber)
                fiber_cancel(connection->exchange->fiber);
}

bool http_connection_is_spare(const struct http_connection *connection)
{
        return !connection->host && !connection->client && connection->state != HTTP_CONNECTION_RUN;
}

static void refuse(struct http_connection *connection, const struct error *err)
{
        connection->exchange = http_exchange_new_refused(connection);
        connection->server->running++;
        connection->state = HTTP_CONNECTION_RUN;
        connection->keep_alive = false;
        http_route_refuse(connection->exchange, err);
}

void http_connection_pass_deadline(struct http_connection *connection)
{
        struct error err = { 0 };

        if (connection->state != HTTP_CONNECTION_READ) {
                http_connection_drop(connection);
                return;
        }
        error_set_status(&err, ERROR_INVALID, 408, "the request was not whole in time");
        refuse(connection, &err);
}

/* The answer is written and the handler has returned. false: no request follows, and the connection
 * may be gone. */
static bool begin_next(struct http_connection *connection)
{
        if (connection->ended) {
                http_connection_drop(connection);
                return false;
        }
        if (!connection->keep_alive) {
                linger(connection);
                return false;
        }
        (void)hold(connection, 0);
        set_state(connection, HTTP_CONNECTION_IDLE,
                  connection->server->draining ? DRAIN_MS : connection->server->idle_ms);
        return true;
}

/* Until others were served nothing is read, not even that the client has gone. */
static void let_others_pass(struct http_connection *connection)
{
        bufferevent_disable(connection->stream, EV_READ);
        loop_defer(connection->server->loop, &connection->go_on);
}

/* Answers whole requests until there is none, one has to wait, an answer does not go out at once,
 * or the turn is over. A loop, as calls within calls would let a client choose how deep the stack
 * is. */
static void serve(struct http_connection *connection)
{
        connection->serving = true;
        for (int left = TURN;; left--) {
                connection->settled = false;
                read_request(connection);
                if (!connection->settled || left == 0)
                        break;
                if (!begin_next(connection))
                        return;
        }
        connection->serving = false;
        if (connection->settled)
                let_others_pass(connection);
}

static void go_on(void *owner)
{
        struct http_connection *connection = owner;

        bufferevent_enable(connection->stream, EV_READ);
        if (begin_next(connection))
                serve(connection);
}

static bool is_written(const struct http_connection *connection)
{
        return evbuffer_get_length(bufferevent_get_output(connection->stream)) == 0;
}

void http_connection_finish(struct http_connection *connection)
{
        http_exchange_free(take(connection->exchange));
        connection->server->running--;
        wait_wake(&connection->server->progress);
        if (!connection->stream)
                free_when_over(connection);
        else if (!is_written(connection))
                return; /* on_written() goes on */
        else if (connection->serving)
                connection->settled = true;
        else
                loop_defer(connection->server->loop, &connection->go_on);
}

/* The socket is tried first: waiting for it to become writable costs three system calls. An error
 * is left to the stream, which meets it again. */
void http_connection_write(struct http_connection *connection, const struct buf *answer)
{
        ssize_t sent = 0;

        if (!connection->server->options.tls && is_written(connection))
                sent = send(bufferevent_getfd(connection->stream), answer->text, answer->length,
                            MSG_NOSIGNAL);
        if (sent < 0)
                sent = 0;
        if ((size_t)sent < answer->length)
                bufferevent_write(connection->stream, answer->text + sent,
                                  answer->length - (size_t)sent);
        set_state(connection, HTTP_CONNECTION_WRITE, connection->server->write_ms);
}

static void run_request(struct http_connection *connection, struct http_head *head,
                        const char *arrived)
{
        size_t length = head->length + head->content_length;
        struct evbuffer *input = bufferevent_get_input(connection->stream);
        char *bytes = xmalloc(length + 1);

        http_head_move(head, arrived, bytes);
        evbuffer_remove(input, bytes, length);
        bytes[length] = '\0';
        connection->needed = 0;
        connection->keep_alive = head->keep_alive && !connection->server->draining;
        connection->exchange = http_exchange_new(connection, bytes, head);
        connection->server->running++;
        set_state(connection, HTTP_CONNECTION_RUN, -1);
        http_route_run(connection->exchange);
}

/* One deadline for the head and one for the whole request, both from its first byte. */
static void begin(struct http_connection *connection)
{
        connection->began_us = loop_now_us();
        connection->needed = 0;
        connection->looked_at = 0;
        connection->state = HTTP_CONNECTION_READ;
}

static void wait_for_more(struct http_connection *connection, bool first)
{
        if (first || connection->needed > 0)
                http_server_await_rest(connection->server, connection);
}

static void refuse_crowd(struct http_connection *connection)
{
        struct error err = { 0 };

        error_set(&err, ERROR_UNAVAILABLE, "too many large requests are under way");
        refuse(connection, &err);
}

/* A head that drips is not parsed anew for every byte of it. */
static bool has_news(const struct http_connection *connection, struct evbuffer *input,
                     size_t length)
{
        struct evbuffer_ptr from = { 0 };

        if (connection->needed > 0 || connection->looked_at == 0 ||
            length - connection->looked_at >= LOOK_BYTES)
                return true;
        evbuffer_ptr_set(input, &from, connection->looked_at, EVBUFFER_PTR_SET);
        return evbuffer_search(input, "\n", 1, &from).pos >= 0;
}

static void read_request(struct http_connection *connection)
{
        struct evbuffer *input = bufferevent_get_input(connection->stream);
        size_t length = evbuffer_get_length(input);
        bool first = connection->state == HTTP_CONNECTION_IDLE;
        struct http_head head;
        struct error err = { 0 };

        if (length == 0)
                return;
        if (first)
                begin(connection);
        if (!hold(connection, length)) {
                refuse_crowd(connection);
                return;
        }
        if (length < connection->needed || !has_news(connection, input, length))
                return;
        connection->looked_at = length;
        const char *bytes = (const char *)evbuffer_pullup(input, -1);

        switch (http_head_parse(bytes, length, LIMIT_HTTP_BODY, &head, &err)) {
        case HTTP_HEAD_REFUSED:
                refuse(connection, &err);
                return;
        case HTTP_HEAD_INCOMPLETE:
                wait_for_more(connection, first);
                return;
        case HTTP_HEAD_COMPLETE:
                break;
        }
        if (length >= head.length + head.content_length) {
                run_request(connection, &head, bytes);
                return;
        }
        connection->needed = head.length + head.content_length;
        if (head.expects_continue && length == head.length)
                bufferevent_write(connection->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        wait_for_more(connection, first);
}

/* The request that runs and what came behind it. */
static bool hold_next(struct http_connection *connection, const struct evbuffer *input)
{
        size_t running = connection->exchange ? connection->exchange->length : 0;

        return hold(connection, running + evbuffer_get_length(input));
}

static void on_read(struct bufferevent *stream, void *argument)
{
        struct http_connection *connection = argument;
        struct evbuffer *input = bufferevent_get_input(stream);

        switch (connection->state) {
        case HTTP_CONNECTION_IDLE:
        case HTTP_CONNECTION_READ:
                serve(connection);
                break;
        case HTTP_CONNECTION_RUN: /* pipelined: kept, as far as there is room */
                if (evbuffer_get_length(input) > HTTP_HELD_MAX || !hold_next(connection, input))
                        http_connection_drop(connection);
                break;
        case HTTP_CONNECTION_WRITE: /* at HTTP_HELD_MAX the stream stops reading */
                if (!hold_next(connection, input))
                        http_connection_drop(connection);
                break;
        case HTTP_CONNECTION_LINGER:
                throw_away(connection, input);
                break;
        }
}

static void on_written(struct bufferevent *stream, void *argument)
{
        struct http_connection *connection = argument;

        (void)stream;
        if (connection->state != HTTP_CONNECTION_WRITE)
                return;
        if (connection->exchange) /* the handler has still something to do */
                http_server_set_deadline(connection->server, connection, -1);
        else
                go_on(connection);
}

static void on_event(struct bufferevent *stream, short what, void *argument)
{
        struct http_connection *connection = argument;

        (void)stream;
        if (what & BEV_EVENT_CONNECTED) /* the TLS handshake is done */
                return;
        /* Who sent all it wanted may still read the answer that is on its way. */
        if (!(what & BEV_EVENT_ERROR) && connection->state == HTTP_CONNECTION_WRITE)
                connection->ended = true;
        else
                http_connection_drop(connection);
}

/* On loopback somebody stands between: who it is shows later, or never. */
static bool join_by_address(struct http_connection *connection)
{
        char host[INET6_ADDRSTRLEN];

        if (http_address_is_loopback(&connection->peer))
                return true;
        connection->host = http_peers_join(connection->server->peers,
                                           http_address_format_host(&connection->peer, host),
                                           connection->server->limit_peer_connections);
        return connection->host != NULL;
}

void http_connection_start(struct http_listener *listener, int fd, const struct sockaddr *peer)
{
        struct http_connection *connection = xcalloc(1, sizeof(*connection));
        struct http_server *server = listener->server;
        socklen_t length = sizeof(connection->local);

        connection->server = server;
        connection->listener = listener;
        connection->go_on = (struct loop_task){ .run = go_on, .owner = connection };
        memcpy(&connection->peer, peer,
               peer->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                           : sizeof(struct sockaddr_in));
        getsockname(fd, &connection->local.any, &length);
        http_address_unmap(&connection->peer);
        http_address_unmap(&connection->local);
        http_address_format(&connection->peer, connection->peer_text);
        if (!join_by_address(connection)) {
                close(fd);
                free(connection);
                return;
        }
        http_server_add(connection);
        connection->stream = http_tls_open(server->options.tls, loop_base(server->loop), fd);
        bufferevent_setcb(connection->stream, on_read, on_written, on_event, connection);
        bufferevent_setwatermark(connection->stream, EV_READ, 0, HTTP_HELD_MAX + 1);
        bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
        set_state(connection, HTTP_CONNECTION_IDLE, server->read_ms);
}
