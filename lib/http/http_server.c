#include "lib/http/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/listener.h>

#include "lib/fd.h"
#include "lib/http/http_connection.h"
#include "lib/memory.h"

#define BACKLOG 1024
#define RESUME_MS 1000 /* until accept() is tried again without descriptors */
#define LINGER_MS 2000
#define LAST_WORDS_MS 1000 /* for the answers of those that a drain gave up on */
#define ROOM_SHARE 64      /* of the connections are closed at once to make room */
#define NEVER_MS INT64_MAX

static void sweep(void *owner)
{
        struct http_server *server = owner;
        struct http_connection *next = NULL;
        int64_t now_ms = loop_now_ms();

        server->sweep_at_ms = NEVER_MS;
        for (struct http_connection *at = server->connections; at; at = next) {
                next = at->next;
                if (at->deadline_ms <= now_ms)
                        http_connection_pass_deadline(at);
        }
        for (struct http_connection *at = server->connections; at; at = at->next)
                if (at->deadline_ms < server->sweep_at_ms)
                        server->sweep_at_ms = at->deadline_ms;
        if (server->sweep_at_ms != NEVER_MS)
                loop_timer_set(server->sweep, server->sweep_at_ms - now_ms);
}

/* delay_ms < 0: none. Deadlines mostly move away, and then the timer need not be touched. */
void http_server_set_deadline(struct http_server *server, struct http_connection *connection,
                              int64_t delay_ms)
{
        connection->deadline_ms = delay_ms < 0 ? NEVER_MS : loop_now_ms() + delay_ms;
        if (connection->deadline_ms >= server->sweep_at_ms)
                return;
        server->sweep_at_ms = connection->deadline_ms;
        loop_timer_set(server->sweep, delay_ms);
}

void http_server_await_rest(struct http_server *server, struct http_connection *connection)
{
        bool head = connection->needed == 0 && server->read_head_ms < server->read_ms;
        int64_t gone_ms = (loop_now_us() - connection->began_us) / 1000;
        int64_t left_ms = (head ? server->read_head_ms : server->read_ms) - gone_ms;

        http_server_set_deadline(server, connection, left_ms > 0 ? left_ms : 0);
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options)
{
        struct http_server *server = xcalloc(1, sizeof(*server));

        server->loop = loop;
        server->options = *options;
        server->listeners_end = &server->listeners;
        server->sweep = loop_timer_new(loop, sweep, server);
        server->sweep_at_ms = NEVER_MS;
        server->read_ms = options->read_ms ? options->read_ms : LIMIT_HTTP_READ_MS;
        server->idle_ms = options->idle_ms ? options->idle_ms : LIMIT_HTTP_IDLE_MS;
        server->write_ms = options->write_ms ? options->write_ms : LIMIT_HTTP_WRITE_MS;
        server->read_head_ms = options->read_head_ms ? options->read_head_ms : server->read_ms;
        server->linger_ms = LINGER_MS;
        server->peers = http_peers_new();
        server->limit_connections = LIMIT_HTTP_CONNECTIONS;
        server->limit_peer_connections = LIMIT_HTTP_PEER_CONNECTIONS;
        server->limit_held = LIMIT_HTTP_HELD;
        return server;
}

static void stop_listening(struct http_listener *listener)
{
        if (listener->accepting)
                evconnlistener_free(listener->accepting);
        listener->accepting = NULL;
        loop_timer_stop(listener->resume);
}

static void free_listener(struct http_listener *listener)
{
        loop_timer_free(listener->resume);
        free(listener);
}

void http_server_free(struct http_server *server)
{
        struct error err = { 0 };

        if (!server)
                return;
        server->draining = true;
        for (struct http_listener *at = server->listeners; at; at = at->next)
                stop_listening(at);
        while (server->connections)
                http_connection_drop(server->connections);
        /* Cancelled handlers still unwind, and they stand on the server and on its owner. */
        while (server->running > 0)
                if (!wait_for(server->loop, &server->progress, -1, &err))
                        abort(); /* freed by a cancelled fiber: nobody could end this */
        while (server->listeners) {
                struct http_listener *listener = server->listeners;

                server->listeners = listener->next;
                free_listener(listener);
        }
        loop_timer_free(server->sweep);
        http_peers_free(server->peers);
        free(server);
}

static void try_to_accept(void *owner)
{
        struct http_listener *listener = owner;

        if (listener->accepting && listener->count < listener->server->limit_connections)
                evconnlistener_enable(listener->accepting);
}

static void free_when_empty(struct http_listener *listener)
{
        if (listener->stopped && listener->count == 0)
                free_listener(listener);
}

static void leave_listener(struct http_listener *listener)
{
        listener->count--;
        try_to_accept(listener);
        free_when_empty(listener);
}

void http_server_add(struct http_connection *connection)
{
        struct http_server *server = connection->server;

        connection->next = server->connections;
        if (connection->next)
                connection->next->previous = connection;
        else
                server->oldest = connection;
        server->connections = connection;
        connection->listener->count++;
}

void http_server_forget(struct http_connection *connection)
{
        struct http_server *server = connection->server;

        *(connection->previous ? &connection->previous->next : &server->connections) =
                connection->next;
        *(connection->next ? &connection->next->previous : &server->oldest) = connection->previous;
        http_peers_leave(take(connection->host));
        http_peers_leave(take(connection->client));
        leave_listener(take(connection->listener));
        wait_wake(&server->progress);
}

/* Those that nobody knows and that say nothing give way, the oldest first and the newest never;
 * many at once, as finding them takes a walk. */
static bool make_room(struct http_listener *listener)
{
        size_t wanted = 1 + listener->server->limit_connections / ROOM_SHARE;
        size_t closed = 0;
        struct http_connection *previous = NULL;

        for (struct http_connection *at = listener->server->oldest;
             at && at->previous && closed < wanted; at = previous) {
                previous = at->previous;
                if (at->listener != listener || !http_connection_is_spare(at))
                        continue;
                http_connection_drop(at);
                closed++;
        }
        return closed > 0;
}

static void on_accept(struct evconnlistener *accepting, evutil_socket_t fd,
                      struct sockaddr *address, int length, void *argument)
{
        struct http_listener *listener = argument;

        (void)length;
        http_connection_start(listener, fd, address);
        if (listener->count >= listener->server->limit_connections && !make_room(listener))
                evconnlistener_disable(accepting);
}

/* Whoever has connected already is still served. */
static void accept_rest(struct http_listener *listener)
{
        union http_address address = { 0 };
        socklen_t length = sizeof(address);
        int fd = -1;

        if (!listener->accepting)
                return;
        while ((fd = accept4(evconnlistener_get_fd(listener->accepting), &address.any, &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                on_accept(listener->accepting, fd, &address.any, (int)length, listener);
                length = sizeof(address);
        }
}

void http_server_stop_listener(struct http_listener *listener)
{
        struct http_server *server = listener->server;
        struct http_listener **link = &server->listeners;

        accept_rest(listener);
        stop_listening(listener);
        while (*link != listener)
                link = &(*link)->next;
        *link = listener->next;
        if (server->listeners_end == &listener->next)
                server->listeners_end = link;
        listener->stopped = true;
        free_when_empty(listener);
}

/* Without a free descriptor accept() would fail again at once, for ever. */
static void on_accept_error(struct evconnlistener *accepting, void *argument)
{
        struct http_listener *listener = argument;

        evconnlistener_disable(accepting);
        loop_timer_set(listener->resume, RESUME_MS);
}

static bool set_options(int fd, const struct sockaddr *address, const char *interface,
                        struct error *err)
{
        int on = 1;

        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
            (address->sa_family == AF_INET6 &&
             setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0))
                return error_set(err, ERROR_UNAVAILABLE, "%s", strerror(errno));
        if (interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
                                    (socklen_t)strlen(interface)) != 0)
                return error_set(err, ERROR_UNAVAILABLE, "on interface %s: %s", interface,
                                 strerror(errno));
        return true;
}

static int read_port(int fd)
{
        union http_address address = { 0 };
        socklen_t length = sizeof(address);

        if (getsockname(fd, &address.any, &length) != 0)
                return 0;
        return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port
                                                       : address.in.sin_port);
}

static struct http_listener *fail(struct error *err)
{
        (void)error_set(err, ERROR_UNAVAILABLE, "%s", strerror(errno));
        return NULL;
}

/* Takes the descriptor when it succeeds. */
static struct http_listener *add_listener(struct http_server *server, int *fd, struct error *err)
{
        struct http_listener *listener = xcalloc(1, sizeof(*listener));
        const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;

        listener->server = server;
        listener->accepting = evconnlistener_new(loop_base(server->loop), on_accept, listener,
                                                 flags, BACKLOG, *fd);
        if (!listener->accepting) {
                free(listener);
                return fail(err);
        }
        evconnlistener_set_error_cb(listener->accepting, on_accept_error);
        listener->resume = loop_timer_new(server->loop, try_to_accept, listener);
        listener->port = read_port(*fd);
        *fd = -1;
        *server->listeners_end = listener;
        server->listeners_end = &listener->next;
        return listener;
}

struct http_listener *http_server_listen(struct http_server *server, const struct sockaddr *address,
                                         socklen_t address_length, const char *interface,
                                         struct error *err)
{
        scoped(fd_close) int fd =
                socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return fail(err);
        if (!set_options(fd, address, interface, err))
                return NULL;
        if (bind(fd, address, address_length) != 0)
                return fail(err);
        return add_listener(server, &fd, err);
}

static bool read_address(const char *address, int port, union http_address *read, socklen_t *length,
                         struct error *err)
{
        union http_address to = { 0 };

        if (port < 0 || port > UINT16_MAX)
                return error_set(err, ERROR_INVALID, "%d is no port", port);
        if (inet_pton(AF_INET, address, &to.in.sin_addr) == 1) {
                to.in.sin_family = AF_INET;
                to.in.sin_port = htons((uint16_t)port);
                *length = sizeof(to.in);
        } else if (inet_pton(AF_INET6, address, &to.in6.sin6_addr) == 1) {
                to.in6.sin6_family = AF_INET6;
                to.in6.sin6_port = htons((uint16_t)port);
                *length = sizeof(to.in6);
        } else {
                return error_set(err, ERROR_INVALID, "\"%s\" is no IP address", address);
        }
        *read = to;
        return true;
}

struct http_listener *http_server_listen_on(struct http_server *server, const char *address,
                                            int port, const char *interface, struct error *err)
{
        struct http_listener *listener = NULL;
        union http_address to = { 0 };
        socklen_t length = 0;

        if (!read_address(address, port, &to, &length, err))
                return NULL;
        listener = http_server_listen(server, &to.any, length, interface, err);
        if (!listener)
                error_wrap(err, "listening at %s port %d", address, port);
        return listener;
}

int http_server_port(const struct http_server *server)
{
        return server->listeners ? server->listeners->port : 0;
}

static void wait_until_empty(struct http_server *server, int64_t timeout_ms)
{
        int64_t end_ms = loop_now_ms() + timeout_ms;
        struct error err = { 0 };

        while (server->connections || server->running > 0) {
                int64_t left_ms = loop_left_ms(end_ms);

                if (left_ms == 0 || !wait_for(server->loop, &server->progress, left_ms, &err))
                        return;
        }
}

static void for_each(const struct http_server *server,
                     void (*run)(struct http_connection *connection))
{
        struct http_connection *next = NULL;

        for (struct http_connection *at = server->connections; at; at = next) {
                next = at->next;
                run(at);
        }
}

void http_server_drain(struct http_server *server, int64_t timeout_ms)
{
        for (struct http_listener *at = server->listeners; at; at = at->next) {
                accept_rest(at);
                stop_listening(at);
        }
        server->draining = true;
        for_each(server, http_connection_drain);
        wait_until_empty(server, timeout_ms);
        for_each(server, http_connection_cancel);
        wait_until_empty(server, LAST_WORDS_MS);
}
