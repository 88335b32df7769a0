#include <stdlib.h>
#include <string.h>

#include "lib/http/http_connection.h"
#include "lib/memory.h"

static size_t path_length(const struct http_exchange *exchange)
{
        return strcspn(exchange->target, "?");
}

/* Compared as sent: a path with a percent sign matches nothing, so nothing is decoded twice. */
static bool is_at(const struct http_route *route, const char *path, size_t length)
{
        return strlen(route->path) == length && memcmp(route->path, path, length) == 0;
}

static bool takes(const struct http_route *route, const char *method)
{
        return !strcmp(route->method, method) ||
               (!strcmp(method, "HEAD") && !strcmp(route->method, "GET"));
}

static const struct http_route *find(const struct http_server_options *options,
                                     const struct http_exchange *exchange)
{
        size_t length = path_length(exchange);

        for (size_t i = 0; i < options->route_count; i++)
                if (is_at(&options->routes[i], exchange->target, length) &&
                    takes(&options->routes[i], exchange->method))
                        return &options->routes[i];
        return NULL;
}

/* The methods of a path, as Allow lists them; empty when there is no such path. */
static void list_methods(const struct http_server_options *options, const char *path, size_t length,
                         struct buf *methods)
{
        for (size_t i = 0; i < options->route_count; i++) {
                const char *method = options->routes[i].method;

                if (is_at(&options->routes[i], path, length))
                        buf_printf(methods, "%s%s%s", methods->length ? ", " : "", method,
                                   strcmp(method, "GET") ? "" : ", HEAD");
        }
}

static bool is_safe(const struct http_exchange *exchange)
{
        return !strcmp(exchange->method, "GET") || !strcmp(exchange->method, "HEAD");
}

/* "/login/?a" goes to "/login?a"; other methods than GET must be repeated as they were. */
static void redirect(struct http_exchange *exchange)
{
        scoped(buf_clear) struct buf to = { 0 };
        size_t length = path_length(exchange);

        buf_printf(&to, "%.*s%s", (int)(length - 1), exchange->target, exchange->target + length);
        http_exchange_add_header(exchange, "Location", to.text);
        http_exchange_reply(exchange, is_safe(exchange) ? 301 : 307, NULL, "", 0);
}

static void refuse(struct http_exchange *exchange, const struct http_server_options *options)
{
        scoped(buf_clear) struct buf methods = { 0 };
        size_t length = path_length(exchange);
        struct error err = { 0 };

        list_methods(options, exchange->target, length, &methods);
        if (methods.length) {
                http_exchange_add_header(exchange, "Allow", methods.text);
                error_set_status(&err, ERROR_INVALID, 405, "%s is not taken at %.*s, only %s",
                                 exchange->method, (int)length, exchange->target, methods.text);
                http_exchange_reply_error(exchange, &err);
                return;
        }
        if (length > 1 && exchange->target[length - 1] == '/')
                list_methods(options, exchange->target, length - 1, &methods);
        if (methods.length) {
                redirect(exchange);
                return;
        }
        error_set(&err, ERROR_NOT_FOUND, "there is no %.*s here", (int)length, exchange->target);
        http_exchange_reply_error(exchange, &err);
}

static void handle(void *argument)
{
        struct http_exchange *exchange = argument;
        const struct http_route *route = exchange->route;
        void *owner = exchange->connection->server->options.owner;
        struct error err = { 0 };

        exchange->fiber = fiber_self();
        if (route->handle(owner, exchange, &err) && !exchange->answered)
                error_set(&err, ERROR_INTERNAL, "%s %s was left without an answer", route->method,
                          route->path);
        exchange->fiber = NULL;
        if (!exchange->answered && fiber_is_cancelled())
                error_set(&err, ERROR_UNAVAILABLE, "the server is shutting down");
        if (!exchange->answered)
                http_exchange_reply_error(exchange, &err);
        http_connection_finish(exchange->connection);
}

void http_route_run(struct http_exchange *exchange)
{
        struct http_server *server = exchange->connection->server;

        exchange->route = find(&server->options, exchange);
        if (!exchange->route) {
                refuse(exchange, &server->options);
                http_connection_finish(exchange->connection);
        } else if (exchange->route->immediate) {
                handle(exchange);
        } else {
                fiber_start(server->loop, handle, exchange);
        }
}

void http_route_refuse(struct http_exchange *exchange, const struct error *err)
{
        http_exchange_reply_error(exchange, err);
        http_connection_finish(exchange->connection);
}
