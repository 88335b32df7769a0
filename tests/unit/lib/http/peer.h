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
#include <openssl/ssl.h>

#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

enum peer_then {
        PEER_KEEPS,
        PEER_CLOSES,
        PEER_RESETS,
};

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
        SSL_CTX *tls;                       /* NULL: plain */
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

/* Bytes of the first whole request, 0 when there is none yet; text is its beginning. */
static size_t peer_measure(const char *text, size_t held)
{
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strcasestr(text, "\r\ncontent-length:");

        if (!end)
                return 0;
        size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        size_t whole = (size_t)(end - text) + 4 + body;
        return held >= whole ? whole : 0;
}

static void peer_asked(struct bufferevent *connection, void *argument)
{
        struct peer *peer = argument;
        struct evbuffer *input = bufferevent_get_input(connection);
        size_t held = evbuffer_get_length(input);
        size_t copied = held < 16384 ? held : 16384;
        scoped_free char *text = xcalloc(1, copied + 1);

        evbuffer_copyout(input, text, copied);
        size_t next = peer->request_count < peer->answer_count ? peer->request_count
                                                               : peer->answer_count - 1;
        const struct peer_answer *answer = peer->answer_count > 0 ? &peer->answers[next] : NULL;
        size_t length = peer_measure(text, held);
        if (length == 0)
                return;
        evbuffer_drain(input, length);
        buf_append(&peer->requests, text, length < copied ? length : copied);
        peer->latest = connection;
        peer->request_count++;
        if (!answer)
                return;
        if (answer->bytes)
                bufferevent_write(connection, answer->bytes, strlen(answer->bytes));
        peer_end(peer, connection, answer->then);
}

static void peer_left(struct bufferevent *connection, short what, void *argument)
{
        (void)what;
        peer_drop(argument, connection);
}

/* TLS over memory, between a connection and its user. */
struct peer_tls {
        SSL *ssl;
        struct bufferevent *below;
};

static void peer_flush(struct peer_tls *tls, struct evbuffer *to)
{
        char bytes[4096];
        int length;

        while ((length = BIO_read(SSL_get_wbio(tls->ssl), bytes, sizeof(bytes))) > 0)
                evbuffer_add(to, bytes, (size_t)length);
}

static enum bufferevent_filter_result peer_decrypt(struct evbuffer *from, struct evbuffer *to,
                                                   ev_ssize_t limit,
                                                   enum bufferevent_flush_mode mode, void *argument)
{
        struct peer_tls *tls = argument;
        size_t before = evbuffer_get_length(to);
        char bytes[4096];
        int length;

        (void)limit;
        (void)mode;
        while ((length = evbuffer_remove(from, bytes, sizeof(bytes))) > 0)
                BIO_write(SSL_get_rbio(tls->ssl), bytes, length);
        while ((length = SSL_read(tls->ssl, bytes, sizeof(bytes))) > 0)
                evbuffer_add(to, bytes, (size_t)length);
        peer_flush(tls, bufferevent_get_output(tls->below));
        return evbuffer_get_length(to) > before ? BEV_OK : BEV_NEED_MORE;
}

static enum bufferevent_filter_result peer_encrypt(struct evbuffer *from, struct evbuffer *to,
                                                   ev_ssize_t limit,
                                                   enum bufferevent_flush_mode mode, void *argument)
{
        struct peer_tls *tls = argument;
        char bytes[4096];
        int length;

        (void)limit;
        (void)mode;
        while ((length = evbuffer_remove(from, bytes, sizeof(bytes))) > 0)
                SSL_write(tls->ssl, bytes, length);
        peer_flush(tls, to);
        return BEV_OK;
}

static void peer_free_tls(void *argument)
{
        struct peer_tls *tls = argument;

        SSL_free(tls->ssl);
        free(tls);
}

static struct bufferevent *peer_wrap(struct bufferevent *below, SSL_CTX *context)
{
        struct peer_tls *tls = xcalloc(1, sizeof(*tls));

        tls->ssl = SSL_new(context);
        tls->below = below;
        SSL_set_bio(tls->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(tls->ssl);
        return bufferevent_filter_new(below, peer_decrypt, peer_encrypt, BEV_OPT_CLOSE_ON_FREE,
                                      peer_free_tls, tls);
}

static void peer_accepted(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int length, void *argument)
{
        struct peer *peer = argument;
        struct event_base *base = evconnlistener_get_base(listener);
        struct bufferevent *connection = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

        (void)address;
        (void)length;
        assert_true(peer->connection_count < PEER_CONNECTIONS);
        if (peer->tls)
                connection = peer_wrap(connection, peer->tls);
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
