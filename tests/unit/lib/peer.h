/* peer.h - the other side of a socket, on the same loop: it records what it is asked and answers
 * from a script, however wrong. */
#pragma once

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

enum peer_then { PEER_KEEPS, PEER_CLOSES, PEER_RESETS };

struct peer_answer {
        const char *bytes; /* NULL: none at all */
        enum peer_then then;
};

#define PEER_CONNECTIONS 64

struct peer {
        struct evconnlistener *listener;
        struct bufferevent *connections[PEER_CONNECTIONS];
        size_t connection_count; /* ever accepted */
        const struct peer_answer *answers;
        size_t answer_count, request_count; /* the last answer goes on for ever */
        struct buf requests;                /* all of them, one after the other */
        struct bufferevent *latest;         /* where the latest request came in */
        char url[64];
};

#define PEER_JSON(status, body) \
        "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body

static void peer_drop(struct peer *peer, struct bufferevent *connection)
{
        for (size_t i = 0; i < PEER_CONNECTIONS; i++)
                if (peer->connections[i] == connection)
                        peer->connections[i] = NULL;
        if (peer->latest == connection)
                peer->latest = NULL;
        bufferevent_free(connection);
}

static void peer_drained(struct bufferevent *connection, void *argument)
{
        peer_drop(argument, connection);
}

static void peer_end(struct peer *peer, struct bufferevent *connection, enum peer_then then)
{
        struct linger linger = { .l_onoff = 1, .l_linger = 0 };

        if (then == PEER_RESETS)
                setsockopt(bufferevent_getfd(connection), SOL_SOCKET, SO_LINGER, &linger,
                           sizeof(linger));
        if (then == PEER_KEEPS)
                return;
        if (evbuffer_get_length(bufferevent_get_output(connection)) == 0)
                peer_drop(peer, connection);
        else
                bufferevent_setcb(connection, NULL, peer_drained, NULL, peer);
}

/* Bytes of the first whole request, 0 when there is none yet. */
static size_t peer_measure(const char *text)
{
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strcasestr(text, "\r\ncontent-length:");

        if (!end)
                return 0;
        size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        size_t whole = (size_t)(end - text) + 4 + body;
        return strlen(text) >= whole ? whole : 0;
}

static void peer_asked(struct bufferevent *connection, void *argument)
{
        struct peer *peer = argument;
        struct evbuffer *input = bufferevent_get_input(connection);
        size_t held = evbuffer_get_length(input);
        scoped_free char *text = xcalloc(1, held + 1);

        evbuffer_copyout(input, text, held);
        size_t length = peer_measure(text);
        if (length == 0)
                return;
        evbuffer_drain(input, length);
        buf_append(&peer->requests, text, length);
        peer->latest = connection;
        size_t at = peer->request_count++;
        if (peer->answer_count == 0)
                return;
        const struct peer_answer *answer =
                &peer->answers[at < peer->answer_count ? at : peer->answer_count - 1];
        if (answer->bytes)
                bufferevent_write(connection, answer->bytes, strlen(answer->bytes));
        peer_end(peer, connection, answer->then);
}

static void peer_left(struct bufferevent *connection, short what, void *argument)
{
        (void)what;
        peer_drop(argument, connection);
}

static void peer_accepted(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int length, void *argument)
{
        struct peer *peer = argument;
        struct bufferevent *connection = bufferevent_socket_new(evconnlistener_get_base(listener),
                                                                fd, BEV_OPT_CLOSE_ON_FREE);

        (void)address;
        (void)length;
        assert_true(peer->connection_count < PEER_CONNECTIONS);
        peer->connections[peer->connection_count++] = connection;
        bufferevent_setcb(connection, peer_asked, NULL, peer_left, peer);
        bufferevent_enable(connection, EV_READ | EV_WRITE);
}

static inline void peer_listen(struct peer *peer, struct loop *loop, const struct sockaddr *address,
                               socklen_t length)
{
        peer->listener = evconnlistener_new_bind(loop_base(loop), peer_accepted, peer,
                                                 LEV_OPT_CLOSE_ON_FREE, 16, address, (int)length);
        assert_non_null(peer->listener);
}

static inline void peer_start(struct peer *peer, struct loop *loop,
                              const struct peer_answer *answers, size_t count)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof(address);

        *peer = (struct peer){ .answers = answers, .answer_count = count };
        peer_listen(peer, loop, (struct sockaddr *)&address, length);
        getsockname(evconnlistener_get_fd(peer->listener), (struct sockaddr *)&address, &length);
        snprintf(peer->url, sizeof(peer->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
}

static inline void peer_start_unix(struct peer *peer, struct loop *loop, const char *path,
                                   const struct peer_answer *answers, size_t count)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        unlink(path);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        *peer = (struct peer){ .answers = answers, .answer_count = count };
        peer_listen(peer, loop, (struct sockaddr *)&address, sizeof(address));
}

/* More of the answer to the latest request. */
static inline void peer_send(struct peer *peer, const char *bytes)
{
        assert_non_null(peer->latest);
        bufferevent_write(peer->latest, bytes, strlen(bytes));
}

static inline void peer_finish(struct peer *peer, enum peer_then then)
{
        assert_non_null(peer->latest);
        peer_end(peer, peer->latest, then);
}

static inline void peer_stop(struct peer *peer)
{
        for (size_t i = 0; i < PEER_CONNECTIONS; i++)
                if (peer->connections[i])
                        bufferevent_free(peer->connections[i]);
        if (peer->listener)
                evconnlistener_free(peer->listener);
        buf_clear(&peer->requests);
        *peer = (struct peer){ 0 };
}

static inline bool peer_was_asked(const struct peer *peer, const char *part)
{
        return strstr(buf_text(&peer->requests), part) != NULL;
}
