#include "lib/http/http_server.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/http/http_connection.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

static const struct {
        int status;
        const char *reason;
} reasons[] = {
        { 200, "OK"                              },
        { 201, "Created"                         },
        { 202, "Accepted"                        },
        { 204, "No Content"                      },
        { 301, "Moved Permanently"               },
        { 302, "Found"                           },
        { 304, "Not Modified"                    },
        { 307, "Temporary Redirect"              },
        { 308, "Permanent Redirect"              },
        { 400, "Bad Request"                     },
        { 401, "Unauthorized"                    },
        { 403, "Forbidden"                       },
        { 404, "Not Found"                       },
        { 405, "Method Not Allowed"              },
        { 406, "Not Acceptable"                  },
        { 408, "Request Timeout"                 },
        { 409, "Conflict"                        },
        { 413, "Content Too Large"               },
        { 414, "URI Too Long"                    },
        { 415, "Unsupported Media Type"          },
        { 417, "Expectation Failed"              },
        { 421, "Misdirected Request"             },
        { 422, "Unprocessable Content"           },
        { 429, "Too Many Requests"               },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error"           },
        { 501, "Not Implemented"                 },
        { 502, "Bad Gateway"                     },
        { 503, "Service Unavailable"             },
        { 504, "Gateway Timeout"                 },
        { 505, "HTTP Version Not Supported"      },
};

static const char *find_reason(int status)
{
        for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Unknown";
}

/* count random bytes as hex digits. Drawn from the kernel in bulk. */
static void draw_hex(char *text, size_t count)
{
        static unsigned char pool[240];
        static size_t used = sizeof(pool);
        static const char digits[] = "0123456789abcdef";

        if (sizeof(pool) - used < count) {
                if (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
                        abort();
                used = 0;
        }
        for (size_t i = 0; i < count; i++) {
                unsigned char byte = pool[used++];

                text[2 * i] = digits[byte >> 4];
                text[2 * i + 1] = digits[byte & 15];
        }
        text[2 * count] = '\0';
}

/* length hex digits in lower case, and then end. */
static bool is_hex(const char *text, size_t length, char end)
{
        return strspn(text, "0123456789abcdef") == length && text[length] == end;
}

/* "00-<32 hex>-<16 hex>-<2 hex>" with ids that are not zero; anything else counts as none. */
static bool read_traceparent(const char *text, struct http_exchange *exchange)
{
        if (!text || strlen(text) != 55 || memcmp(text, "00-", 3) != 0 ||
            !is_hex(text + 3, 32, '-') || !is_hex(text + 36, 16, '-') ||
            !is_hex(text + 53, 2, '\0') || strspn(text + 3, "0") >= 32 ||
            strspn(text + 36, "0") >= 16)
                return false;
        memcpy(exchange->trace_id, text + 3, 32);
        memcpy(exchange->parent_id, text + 36, 16);
        memcpy(exchange->trace_flags, text + 53, 2);
        return true;
}

static void set_trace(struct http_exchange *exchange)
{
        draw_hex(exchange->span_id, 8);
        if (read_traceparent(http_exchange_header(exchange, "traceparent"), exchange))
                return;
        draw_hex(exchange->trace_id, 16);
        memcpy(exchange->trace_flags, "00", 3);
}

/* Behind each of these stands at least one byte that was only a separator. */
static const char *end_text(const struct http_exchange *exchange, struct http_text text)
{
        char *start = exchange->bytes + (text.start - exchange->bytes);

        start[text.length] = '\0';
        return start;
}

struct http_exchange *http_exchange_new(struct http_connection *connection, char *bytes,
                                        const struct http_head *head)
{
        struct http_exchange *exchange = xcalloc(1, sizeof(*exchange));
        const char *question;

        exchange->connection = connection;
        exchange->bytes = bytes;
        exchange->length = head->length + head->content_length;
        exchange->body_length = head->content_length;
        exchange->received_count = head->header_count;
        exchange->received = xmalloc(head->header_count * sizeof(*exchange->received));
        memcpy(exchange->received, head->headers, head->header_count * sizeof(*exchange->received));
        exchange->method = end_text(exchange, head->method);
        exchange->target = end_text(exchange, head->target);
        question = strchr(exchange->target, '?');
        exchange->query = question ? question + 1 : "";
        for (size_t i = 0; i < head->header_count; i++) {
                end_text(exchange, head->headers[i].name);
                end_text(exchange, head->headers[i].value);
        }
        exchange->body = bytes + head->length;
        exchange->head_only = !strcmp(exchange->method, "HEAD");
        exchange->began_us = connection->began_us;
        set_trace(exchange);
        return exchange;
}

struct http_exchange *http_exchange_new_refused(struct http_connection *connection)
{
        struct http_exchange *exchange = xcalloc(1, sizeof(*exchange));

        exchange->connection = connection;
        exchange->method = exchange->target = exchange->query = exchange->body = "";
        exchange->began_us = connection->began_us;
        set_trace(exchange);
        return exchange;
}

void http_exchange_free(struct http_exchange *exchange)
{
        if (exchange->bytes)
                explicit_bzero(exchange->bytes, exchange->length);
        free(exchange->bytes);
        free(exchange->received);
        buf_clear(&exchange->headers);
        free(exchange);
}

const char *http_exchange_method(const struct http_exchange *exchange)
{
        return exchange->method;
}

const char *http_exchange_path(const struct http_exchange *exchange)
{
        return exchange->route ? exchange->route->path : "";
}

const char *http_exchange_query(const struct http_exchange *exchange)
{
        return exchange->query;
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name)
{
        for (size_t i = 0; i < exchange->received_count; i++)
                if (http_text_equals_ignoring_case(exchange->received[i].name, name))
                        return exchange->received[i].value.start;
        return NULL;
}

bool http_exchange_has_header(const struct http_exchange *exchange, const char *name)
{
        return http_exchange_header(exchange, name) != NULL;
}

const char *http_exchange_body(const struct http_exchange *exchange, size_t *length)
{
        *length = exchange->body_length;
        return exchange->body;
}

const struct sockaddr *http_exchange_peer(const struct http_exchange *exchange)
{
        return &exchange->connection->peer.any;
}

const char *http_exchange_peer_text(const struct http_exchange *exchange)
{
        return exchange->connection->peer_text;
}

const struct sockaddr *http_exchange_local(const struct http_exchange *exchange)
{
        return &exchange->connection->local.any;
}

const char *http_exchange_trace_id(const struct http_exchange *exchange)
{
        return exchange->trace_id;
}

bool http_exchange_name_client(struct http_exchange *exchange, const char *name)
{
        struct http_connection *connection = exchange->connection;
        struct http_server *server = connection->server;

        if (!connection->stream)
                return true; /* it is gone already, and counts nowhere */
        if (!connection->client)
                connection->client =
                        http_peers_join(server->peers, name, server->limit_peer_connections);
        if (!connection->client)
                connection->keep_alive = false;
        return connection->client != NULL;
}

void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value)
{
        size_t start = exchange->headers.length;

        buf_printf(&exchange->headers, "%s: %s", name, value);
        for (char *at = exchange->headers.text + start; *at; at++)
                if ((unsigned char)*at < ' ' || *at == 0x7f)
                        *at = ' '; /* a line break would begin a header of somebody else's */
        buf_add(&exchange->headers, "\r\n");
}

/* The Date line, made once a second. */
static const char *format_date(void)
{
        static char text[TIMESTAMP_TEXT_SIZE];
        static int64_t of;
        int64_t now = timestamp_now();

        if (now != of)
                timestamp_format_http_date(now, text);
        of = now;
        return text;
}

static void print_head(const struct http_exchange *exchange, int status, const char *content_type,
                       size_t length, struct buf *head)
{
        const struct http_connection *connection = exchange->connection;

        buf_printf(head,
                   "HTTP/1.1 %d %s\r\nDate: %s\r\nCache-Control: no-store\r\n"
                   "Trace-Id: %s\r\ntraceparent: 00-%s-%s-%s\r\n",
                   status, find_reason(status), format_date(), exchange->trace_id,
                   exchange->trace_id, exchange->span_id, exchange->trace_flags);
        if (content_type)
                buf_printf(head, "Content-Type: %s\r\n", content_type);
        if (status != 204 && status != 304)
                buf_printf(head, "Content-Length: %zu\r\n", length);
        if (!connection->keep_alive)
                buf_add(head, "Connection: close\r\n");
        buf_add(head, buf_text(&exchange->headers));
        buf_add(head, "\r\n");
}

static void tell(const struct http_exchange *exchange, int status, size_t bytes,
                 const char *message)
{
        const struct http_server_options *options = &exchange->connection->server->options;
        struct http_outcome outcome = {
                .method = exchange->method,
                .route = exchange->route ? exchange->route->path : "",
                .target = exchange->target,
                .peer = exchange->connection->peer_text,
                .trace_id = exchange->trace_id,
                .span_id = exchange->span_id,
                .parent_id = exchange->parent_id,
                .sampled = *exchange->parent_id == '\0' || (exchange->trace_flags[1] & 1),
                .status = status,
                .duration_us = loop_now_us() - exchange->began_us,
                .response_bytes = bytes,
                .message = message,
        };

        if (options->answered)
                options->answered(options->owner, &outcome);
}

struct answer {
        int status;
        const char *content_type;
        const char *body;
        size_t length;
        const char *message; /* of the error */
};

static void send_answer(struct http_exchange *exchange, const struct answer *answer)
{
        scoped(buf_clear) struct buf text = { 0 };
        bool bare = exchange->head_only || answer->status == 204 || answer->status == 304;

        assert(!exchange->answered);
        exchange->answered = true;
        if (!exchange->connection->stream)
                return; /* nobody is there to read it */
        if (exchange->connection->server->draining)
                exchange->connection->keep_alive = false;
        print_head(exchange, answer->status, answer->content_type, answer->length, &text);
        if (!bare)
                (void)buf_append(&text, answer->body, answer->length); /* it has no limit */
        http_connection_write(exchange->connection, &text);
        tell(exchange, answer->status, text.length, answer->message);
}

void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type,
                         const char *body, size_t length)
{
        send_answer(exchange, &(struct answer){ status, content_type, body, length, "" });
}

static void send_json(struct http_exchange *exchange, int status, const json_t *body,
                      const char *message)
{
        scoped(buf_clear) struct buf text = { 0 };

        json_print(body, &text);
        buf_add(&text, "\n");
        send_answer(exchange, &(struct answer){ status, "application/json", text.text, text.length,
                                                message });
}

void http_exchange_reply_json(struct http_exchange *exchange, int status, const json_t *body)
{
        send_json(exchange, status, body, "");
}

void http_exchange_add_retry_after(struct http_exchange *exchange, int64_t seconds)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRId64, seconds);
        http_exchange_add_header(exchange, "Retry-After", text);
}

static bool has_retry_after(const struct http_exchange *exchange)
{
        return strcasestr(buf_text(&exchange->headers), "Retry-After:") != NULL;
}

void http_exchange_reply_error(struct http_exchange *exchange, const struct error *err)
{
        int64_t usual_seconds = exchange->connection->server->options.retry_after_seconds;
        int64_t retry_seconds =
                err->retry_after_seconds > 0 ? err->retry_after_seconds : usual_seconds;
        int status = err->kind == ERROR_NONE ? 500 : error_http_status(err);
        json_t *body = json_object();

        if ((status == 503 || status == 429) && retry_seconds > 0 && !has_retry_after(exchange))
                http_exchange_add_retry_after(exchange, retry_seconds);
        json_object_set_new(body, "message", json_string(err->text));
        if (*err->advice)
                json_object_set_new(body, "advice", json_pack("[s]", err->advice));
        send_json(exchange, status, body, err->text);
        json_decref(body);
}

bool http_exchange_is_answered(const struct http_exchange *exchange)
{
        return exchange->answered;
}
