#include "lib/http/http_local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/fiber.h"
#include "lib/http/http_answer.h"
#include "lib/http/turns.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define READ_SIZE 16384 /* bytes taken at once */

enum state {
        STATE_IDLE,
        STATE_ASKED,
        STATE_ANSWERED,
        STATE_FAILED,
};

/* Watched from its first byte to its last, so that its end is seen while nobody uses it. */
struct connection {
        LIST_ENTRY(connection) entry; /* in local->idle or local->busy */
        struct http_local *local;
        struct event *readable;
        int fd;
        enum state state;
        bool kept; /* it has answered before */
        struct wait wait;
        struct http_answer answer;
        struct error err;
};

LIST_HEAD(connections, connection);

struct http_local {
        struct loop *loop;
        struct turns turns;
        struct connections idle, busy;
        char *path, *host;
        size_t limit_bytes;
        size_t users; /* the owner, and whoever waits in here: the last one frees */
};

struct http_local *http_local_new(struct loop *loop, const struct http_local_options *options)
{
        struct http_local *local = xcalloc(1, sizeof(*local));

        local->loop = loop;
        turns_init(&local->turns, loop, options->in_flight);
        LIST_INIT(&local->idle);
        LIST_INIT(&local->busy);
        local->path = xstrdup(options->path);
        local->host = xstrdup(options->host);
        local->limit_bytes = options->limit_bytes;
        local->users = 1;
        return local;
}

static void release(struct http_local *local)
{
        if (--local->users > 0)
                return;
        free(local->path);
        free(local->host);
        free(local);
}

static void disconnect(struct connection *connection)
{
        event_free(connection->readable);
        close(connection->fd);
        http_answer_clear(&connection->answer);
        LIST_REMOVE(connection, entry);
        free(connection);
}

static void disconnect_all(struct connections *connections)
{
        struct connection *next = LIST_FIRST(connections);

        while (next) {
                struct connection *connection = next;

                next = LIST_NEXT(connection, entry);
                disconnect(connection);
        }
}

static void finish(struct connection *connection, enum state state)
{
        connection->state = state;
        wait_wake(&connection->wait);
}

/* Whoever waits in a call finds it ended when its fiber goes on, which may be after this. */
void http_local_free(struct http_local *local)
{
        struct connection *connection;

        if (!local)
                return;
        turns_close(&local->turns);
        disconnect_all(&local->idle);
        LIST_FOREACH(connection, &local->busy, entry)
        {
                event_del(connection->readable);
                error_set(&connection->err, ERROR_UNAVAILABLE, "the client was closed");
                finish(connection, STATE_FAILED);
        }
        release(local);
}

/* false: what there is of the answer is all, and not enough. */
static bool receive(struct connection *connection)
{
        char bytes[READ_SIZE];
        ssize_t count = recv(connection->fd, bytes, sizeof(bytes), 0);

        if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return true;
        if (count <= 0) {
                connection->answer.keep_alive = false;
                return http_answer_end(&connection->answer, &connection->err);
        }
        bool good = http_answer_take(&connection->answer, bytes, (size_t)count, &connection->err);
        explicit_bzero(bytes, (size_t)count); /* the key of a certificate */
        return good;
}

static void on_readable(evutil_socket_t fd, short events, void *argument)
{
        struct connection *connection = argument;

        (void)fd;
        (void)events;
        switch (connection->state) {
        case STATE_IDLE: /* the other side has gone */
                disconnect(connection);
                break;
        case STATE_ASKED:
                if (!receive(connection))
                        finish(connection, STATE_FAILED);
                else if (connection->answer.state == HTTP_ANSWER_WHOLE)
                        finish(connection, STATE_ANSWERED);
                break;
        case STATE_ANSWERED:
        case STATE_FAILED: /* nobody asks over it again */
                connection->answer.keep_alive = false;
                event_del(connection->readable);
                break;
        }
}

static bool open_socket(const struct http_local *local, int *fd, struct error *err)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t length = strlen(local->path);

        if (length >= sizeof(address.sun_path))
                return error_set(err, ERROR_INVALID,
                                 "the path of a socket has at most %zu bytes, this one %zu",
                                 sizeof(address.sun_path) - 1, length);
        memcpy(address.sun_path, local->path, length + 1);
        int opened = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (opened >= 0 && connect(opened, (struct sockaddr *)&address, sizeof(address)) == 0) {
                *fd = opened;
                return true;
        }
        error_set(err, ERROR_UNAVAILABLE, "cannot connect: %s", strerror(errno));
        if (opened >= 0)
                close(opened);
        return false;
}

static bool connect_anew(struct http_local *local, struct connection **connection,
                         struct error *err)
{
        int fd = -1;

        if (!open_socket(local, &fd, err))
                return false;
        struct connection *opened = xcalloc(1, sizeof(*opened));
        opened->local = local;
        opened->fd = fd;
        opened->readable =
                event_new(loop_base(local->loop), fd, EV_READ | EV_PERSIST, on_readable, opened);
        event_add(opened->readable, NULL);
        LIST_INSERT_HEAD(&local->busy, opened, entry);
        *connection = opened;
        return true;
}

static void move(struct connection *connection, struct connections *to)
{
        LIST_REMOVE(connection, entry);
        LIST_INSERT_HEAD(to, connection, entry);
}

static bool choose_connection(struct http_local *local, struct connection **connection,
                              struct error *err)
{
        if (LIST_EMPTY(&local->idle))
                return connect_anew(local, connection, err);
        *connection = LIST_FIRST(&local->idle);
        move(*connection, &local->busy);
        return true;
}

static void let_go(struct connection *connection)
{
        struct http_local *local = connection->local;

        if (connection->state != STATE_ANSWERED || !connection->answer.keep_alive ||
            local->turns.closed) {
                disconnect(connection);
                return;
        }
        http_answer_clear(&connection->answer);
        connection->state = STATE_IDLE;
        connection->kept = true;
        move(connection, &local->idle);
}

/* One request and how long it may take. */
struct call {
        struct http_local *local;
        struct connection *connection;
        struct buf text;
        const struct http_local_request *request;
        int64_t deadline_ms;
};

/* A request is short, and the socket's buffer empty: what does not fit at once never will. */
static void ask(const struct call *call)
{
        struct connection *connection = call->connection;
        ssize_t sent = send(connection->fd, call->text.text, call->text.length, MSG_NOSIGNAL);

        http_answer_init(&connection->answer, call->local->limit_bytes);
        connection->answer.sink = call->request->sink;
        connection->state = STATE_ASKED;
        if (sent == (ssize_t)call->text.length)
                return;
        error_set(&connection->err, ERROR_UNAVAILABLE, "broke off while asked");
        connection->state = STATE_FAILED;
}

static bool await_answer(const struct call *call, struct error *err)
{
        struct connection *connection = call->connection;

        while (connection->state == STATE_ASKED)
                if (!wait_for(call->local->loop, &connection->wait, loop_left_ms(call->deadline_ms),
                              err))
                        return !fiber_is_cancelled() &&
                               error_set(err, ERROR_UNAVAILABLE, "no answer within %lld ms",
                                         (long long)call->request->timeout_ms);
        if (connection->state == STATE_FAILED)
                *err = connection->err;
        return connection->state == STATE_ANSWERED;
}

/* The other side closed a kept connection just as we used it: nothing was answered. */
static bool met_a_dead_connection(const struct connection *connection)
{
        return connection->kept && connection->state == STATE_FAILED &&
               http_answer_is_untouched(&connection->answer) && !connection->local->turns.closed;
}

static bool converse(struct call *call, struct error *err)
{
        if (!choose_connection(call->local, &call->connection, err))
                return false;
        ask(call);
        if (await_answer(call, err))
                return true;
        if (!met_a_dead_connection(call->connection))
                return false;
        disconnect(take(call->connection));
        if (!connect_anew(call->local, &call->connection, err))
                return false;
        ask(call);
        return await_answer(call, err);
}

static bool get(struct call *call, int *status, struct buf *body, struct error *err)
{
        bool answered = converse(call, err);

        if (answered) {
                struct http_answer *answer = &call->connection->answer;

                *status = answer->status;
                buf_clear(body);
                *body = answer->body;
                answer->body = (struct buf){ 0 };
        }
        if (call->connection)
                let_go(call->connection);
        return answered;
}

bool http_local_get(struct http_local *local, const struct http_local_request *request, int *status,
                    struct buf *body, struct error *err)
{
        struct call call = { .local = local,
                             .request = request,
                             .deadline_ms = loop_now_ms() + request->timeout_ms };
        bool answered = false;

        buf_printf(&call.text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", request->target, local->host);
        local->users++;
        if (turns_take(&local->turns, call.deadline_ms, err)) {
                answered = get(&call, status, body, err);
                turns_give(&local->turns);
        }
        if (!answered)
                (void)error_wrap(err, "%s", local->path);
        buf_clear(&call.text);
        release(local);
        return answered;
}
