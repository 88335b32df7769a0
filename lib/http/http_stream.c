#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http/http_client_private.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define REFUSAL_LIMIT 65536 /* bytes of the body of an answer other than 200 */

struct http_stream {
        struct transfer transfer;
        struct buf unread;
        size_t limit;    /* of one line */
        size_t returned; /* bytes at the start that the reader has had */
        size_t scanned;  /* bytes without a newline */
        bool holds_line; /* a whole line is waiting to be read */
        bool paused;
};

static size_t receive(struct http_stream *stream, const char *bytes, size_t length)
{
        if (stream->holds_line && stream->unread.length >= LIMIT_STREAM_UNREAD) {
                stream->paused = true;
                return CURL_WRITEFUNC_PAUSE;
        }
        if (!buf_append(&stream->unread, bytes, length)) {
                stream->transfer.over_limit = true;
                return 0;
        }
        stream->holds_line = stream->holds_line || memchr(bytes, '\n', length);
        wait_wake(&stream->transfer.wait);
        return length;
}

static bool wait_for_head(struct transfer *transfer, int64_t timeout_ms, struct error *err)
{
        int64_t deadline_ms = loop_now_ms() + timeout_ms;

        while (!transfer->done && !(transfer->head_complete && transfer->reply.status == 200)) {
                if (wait_for(transfer->client->loop, &transfer->wait, loop_left_ms(deadline_ms),
                             err))
                        continue;
                if (fiber_is_cancelled())
                        return error_wrap(err, "%s", transfer->origin);
                return error_set(err, ERROR_UNAVAILABLE, "%s: no answer within %lld ms",
                                 transfer->origin, (long long)timeout_ms);
        }
        return true;
}

static bool open_stream(struct http_stream *stream, int64_t timeout_ms, struct error *err)
{
        struct transfer *transfer = &stream->transfer;

        transfer_start(transfer);
        if (!wait_for_head(transfer, timeout_ms, err))
                return false;
        if (transfer->reply.status == 200)
                return true;
        if (transfer->reply.status == 0 || (transfer->result && !transfer->over_limit))
                return transfer_fail(transfer, err);
        enum error_kind kind = error_from_http(transfer->reply.status);
        if (kind == ERROR_NONE || kind == ERROR_PENDING)
                kind = ERROR_UNAVAILABLE;
        return error_set_status(err, kind, transfer->reply.status, "%s answered %d",
                                transfer->origin, transfer->reply.status);
}

static void scoped_stream_free(struct http_stream **stream)
{
        http_stream_free(*stream);
}

bool http_stream_open(struct http_client *client, const struct http_request *request,
                      struct http_stream **stream, struct http_reply *reply, struct error *err)
{
        scoped(scoped_stream_free) struct http_stream *opening = xcalloc(1, sizeof(*opening));

        assert(request->timeout_ms > 0);
        http_client_hold(client);
        opening->transfer.client = client;
        opening->transfer.stream = opening;
        opening->transfer.receive = receive;
        opening->limit = request->limit_bytes;
        buf_init(&opening->unread, request->limit_bytes + LIMIT_STREAM_UNREAD);
        if (!transfer_prepare(client, &opening->transfer, request, err))
                return false;
        buf_init(&opening->transfer.reply.body, REFUSAL_LIMIT);
        bool opened = open_stream(opening, request->timeout_ms, err);
        if (reply && opening->transfer.head_complete) {
                http_reply_clear(reply);
                *reply = opening->transfer.reply;
                buf_init(&opening->transfer.reply.body, REFUSAL_LIMIT);
        }
        if (opened)
                *stream = take(opening);
        return opened;
}

static void drop_returned(struct http_stream *stream)
{
        buf_consume(&stream->unread, stream->returned);
        stream->returned = 0;
        if (stream->unread.length == 0 && stream->unread.capacity > LIMIT_STREAM_UNREAD)
                buf_clear(&stream->unread);
}

/* Called when no whole line is left to read. */
static void let_sender_go_on(struct http_stream *stream)
{
        if (!stream->paused)
                return;
        stream->paused = false;
        if (stream->transfer.running)
                curl_easy_pause(stream->transfer.easy, CURLPAUSE_CONT);
}

/* The next newline, or NULL; what was looked at once is not looked at again. */
static char *find_newline(struct http_stream *stream)
{
        struct buf *unread = &stream->unread;
        size_t rest = unread->length - stream->scanned;
        char *newline = rest > 0 ? memchr(unread->text + stream->scanned, '\n', rest) : NULL;

        stream->scanned = newline ? 0 : unread->length;
        stream->holds_line = newline != NULL;
        return newline;
}

/* false with ERROR_NONE: a proper end. */
static bool end_stream(const struct http_stream *stream, struct error *err)
{
        const struct transfer *transfer = &stream->transfer;

        if (transfer->over_limit)
                return error_set(err, ERROR_UNAVAILABLE, "%s: a line is longer than %zu bytes",
                                 transfer->origin, stream->limit);
        if (transfer->result != CURLE_OK)
                return transfer_fail(transfer, err);
        if (stream->unread.length > 0)
                return error_set(err, ERROR_UNAVAILABLE, "%s: ended in the middle of a line",
                                 transfer->origin);
        *err = (struct error){ .kind = ERROR_NONE };
        return false;
}

static bool wait_for_bytes(struct http_stream *stream, int64_t deadline_ms, struct error *err)
{
        struct transfer *transfer = &stream->transfer;

        let_sender_go_on(stream);
        return wait_for(transfer->client->loop, &transfer->wait, loop_left_ms(deadline_ms), err) ||
               error_wrap(err, "%s", transfer->origin);
}

bool http_stream_read_line(struct http_stream *stream, int64_t timeout_ms, const char **line,
                           size_t *length, struct error *err)
{
        int64_t deadline_ms = loop_now_ms() + timeout_ms;
        char *newline;

        drop_returned(stream);
        while (!(newline = find_newline(stream))) {
                if (stream->unread.length > stream->limit)
                        stream->transfer.over_limit = true;
                if (stream->transfer.done || stream->transfer.over_limit)
                        return end_stream(stream, err);
                if (!wait_for_bytes(stream, deadline_ms, err))
                        return false;
        }
        size_t found = (size_t)(newline - stream->unread.text);
        if (found > stream->limit) {
                stream->transfer.over_limit = true;
                return end_stream(stream, err);
        }
        *newline = '\0';
        stream->returned = found + 1;
        *line = stream->unread.text;
        *length = found;
        return true;
}

void http_stream_free(struct http_stream *stream)
{
        if (!stream)
                return;
        transfer_clear(&stream->transfer);
        http_client_release(stream->transfer.client);
        buf_clear(&stream->unread);
        free(stream);
}
