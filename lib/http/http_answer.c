#include "lib/http/http_answer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/http/http_text.h"
#include "lib/limits.h"
#include "lib/memory.h"

#define LENGTH_DIGITS_MAX 15 /* so that no number runs over */
#define CHUNK_DIGITS_MAX 8
#define CHUNK_LINE_MAX 256 /* bytes, with what stands behind the size */

void http_answer_init(struct http_answer *answer, size_t limit_body)
{
        *answer = (struct http_answer){ .keep_alive = true };
        buf_init(&answer->body, limit_body);
        buf_init(&answer->line, LIMIT_HTTP_ANSWER_HEAD);
}

void http_answer_clear(struct http_answer *answer)
{
        buf_clear(&answer->body);
        buf_clear(&answer->line);
}

bool http_answer_is_untouched(const struct http_answer *answer)
{
        return answer->state == HTTP_ANSWER_STATUS && answer->head_bytes == 0;
}

static bool refuse(struct error *err, const char *why)
{
        return error_set(err, ERROR_INVALID, "the answer is not HTTP: %s", why);
}

static bool has_sink(const struct http_answer *answer)
{
        return answer->sink && answer->status == 200;
}

static size_t limit_of(const struct http_answer *answer)
{
        return has_sink(answer) ? answer->sink->limit_bytes : answer->body.limit;
}

/* Whether so much more of the body may come. */
static bool has_room(const struct http_answer *answer, size_t length, struct error *err)
{
        size_t limit = limit_of(answer);

        return length <= limit - answer->body_bytes ||
               error_set(err, ERROR_INVALID, "the answer is larger than %zu bytes", limit);
}

/* "HTTP/1.1 200 OK" */
static bool read_status(struct http_answer *answer, struct http_text line, struct error *err)
{
        struct http_text version = http_text_take_until(&line, ' ');
        struct http_text status = http_text_take_until(&line, ' ');

        if (!http_text_equals(version, "HTTP/1.1") && !http_text_equals(version, "HTTP/1.0"))
                return refuse(err, "it does not begin with HTTP/1.1");
        if (status.length != 3 || !http_text_is_all(status, http_is_digit) || *status.start == '0')
                return refuse(err, "its status is no number of three digits");
        answer->status = (status.start[0] - '0') * 100 + (status.start[1] - '0') * 10 +
                         (status.start[2] - '0');
        answer->keep_alive = http_text_equals(version, "HTTP/1.1");
        answer->has_length = answer->has_coding = false;
        answer->left = 0;
        answer->state = HTTP_ANSWER_HEADERS;
        return true;
}

static bool read_length(struct http_answer *answer, struct http_text value, struct error *err)
{
        if (answer->has_length)
                return refuse(err, "more than one Content-Length");
        if (value.length == 0 || value.length > LENGTH_DIGITS_MAX ||
            !http_text_is_all(value, http_is_digit))
                return refuse(err, "its Content-Length is no number");
        for (size_t i = 0; i < value.length; i++)
                answer->left = answer->left * 10 + (size_t)(value.start[i] - '0');
        answer->has_length = true;
        return has_room(answer, answer->left, err);
}

static bool read_coding(struct http_answer *answer, struct http_text value, struct error *err)
{
        if (answer->has_coding || !http_text_equals_ignoring_case(value, "chunked"))
                return refuse(err, "a Transfer-Encoding other than chunked");
        answer->has_coding = true;
        return true;
}

static bool read_connection(struct http_answer *answer, struct http_text value, struct error *err)
{
        (void)err;
        if (http_text_lists(value, "close"))
                answer->keep_alive = false;
        return true;
}

static bool read_header(struct http_answer *answer, struct http_text line, struct error *err)
{
        static const struct {
                const char *name;
                bool (*read)(struct http_answer *answer, struct http_text value, struct error *err);
        } known[] = {
                { "Content-Length",    read_length     },
                { "Transfer-Encoding", read_coding     },
                { "Connection",        read_connection },
        };
        struct http_header header;

        if (!http_header_read(line, &header))
                return refuse(err, "a header is not \"Name: value\"");
        for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
                if (http_text_equals_ignoring_case(header.name, known[i].name))
                        return known[i].read(answer, header.value, err);
        return true;
}

/* How long the body is (RFC 9112, 6.3). */
static bool end_head(struct http_answer *answer, struct error *err)
{
        bool bare = answer->status == 204 || answer->status == 304;

        if (answer->has_length && answer->has_coding)
                return refuse(err, "a Content-Length beside a Transfer-Encoding");
        if (answer->status < 200) /* 100 Continue and the like: the answer is still to come */
                answer->state = HTTP_ANSWER_STATUS;
        else if (bare || (answer->has_length && answer->left == 0))
                answer->state = HTTP_ANSWER_WHOLE;
        else if (answer->has_coding)
                answer->state = HTTP_ANSWER_CHUNK_SIZE;
        else
                answer->state = answer->has_length ? HTTP_ANSWER_LENGTH : HTTP_ANSWER_TO_THE_END;
        if (answer->state == HTTP_ANSWER_TO_THE_END)
                answer->keep_alive = false;
        return true;
}

/* "7ff" or "7ff;name=value": what stands behind the size means nothing to us. */
static bool read_chunk_size(struct http_answer *answer, struct http_text line, struct error *err)
{
        size_t length = line.length, size = 0;
        struct http_text digits = http_text_trim(http_text_take_until(&line, ';'));

        if (digits.length == 0 || digits.length > CHUNK_DIGITS_MAX || length > CHUNK_LINE_MAX)
                return refuse(err, "the size of a chunk is no short number");
        for (size_t i = 0; i < digits.length; i++) {
                int digit = http_hex_digit(digits.start[i]);

                if (digit < 0)
                        return refuse(err, "the size of a chunk is no short number");
                size = size * 16 + (size_t)digit;
        }
        if (!has_room(answer, size, err))
                return false;
        answer->left = size;
        answer->state = size > 0 ? HTTP_ANSWER_CHUNK : HTTP_ANSWER_TRAILERS;
        return true;
}

static bool end_chunk(struct http_answer *answer, struct http_text line, struct error *err)
{
        answer->state = HTTP_ANSWER_CHUNK_SIZE;
        return line.length == 0 || refuse(err, "a chunk is longer than it says");
}

static bool read_line(struct http_answer *answer, struct http_text line, struct error *err)
{
        switch (answer->state) {
        case HTTP_ANSWER_STATUS:
                return read_status(answer, line, err);
        case HTTP_ANSWER_HEADERS:
                return line.length == 0 ? end_head(answer, err) : read_header(answer, line, err);
        case HTTP_ANSWER_CHUNK_SIZE:
                return read_chunk_size(answer, line, err);
        case HTTP_ANSWER_CHUNK_END:
                return end_chunk(answer, line, err);
        case HTTP_ANSWER_TRAILERS:
                if (line.length == 0)
                        answer->state = HTTP_ANSWER_WHOLE;
                return true;
        case HTTP_ANSWER_CHUNK:
        case HTTP_ANSWER_LENGTH:
        case HTTP_ANSWER_TO_THE_END:
        case HTTP_ANSWER_WHOLE:
                break;
        }
        return refuse(err, "bytes behind its end");
}

/* A line with its end, which must be CRLF and the only control characters but for tabs. */
static bool read_whole_line(struct http_answer *answer, struct http_text line, struct error *err)
{
        if (line.length < 2 || line.start[line.length - 2] != '\r')
                return refuse(err, "a line does not end in CRLF");
        line.length -= 2;
        return (http_text_is_all(line, http_is_text_character) ||
                refuse(err, "a control character in its head")) &&
               read_line(answer, line, err);
}

/* Up to the end of a line, or what there is of it: one without an end is bounded too. */
static bool take_line(struct http_answer *answer, struct http_text *rest, struct error *err)
{
        const char *end = memchr(rest->start, '\n', rest->length);
        struct http_text line = { rest->start,
                                  end ? (size_t)(end - rest->start) + 1 : rest->length };

        rest->start += line.length;
        rest->length -= line.length;
        if (answer->state <= HTTP_ANSWER_HEADERS || answer->state == HTTP_ANSWER_TRAILERS)
                answer->head_bytes += line.length;
        if (answer->head_bytes > LIMIT_HTTP_ANSWER_HEAD)
                return error_set(err, ERROR_INVALID,
                                 "the head of the answer is larger than %d bytes",
                                 LIMIT_HTTP_ANSWER_HEAD);
        if (end && answer->line.length == 0)
                return read_whole_line(answer, line, err);
        if (!buf_append(&answer->line, line.start, line.length))
                return refuse(err, "a line without end");
        if (!end)
                return true;
        line = (struct http_text){ answer->line.text, answer->line.length };
        bool fine = read_whole_line(answer, line, err);
        buf_truncate(&answer->line, 0);
        return fine;
}

static bool keep_body(struct http_answer *answer, struct http_text part, struct error *err)
{
        if (!has_room(answer, part.length, err))
                return false;
        answer->body_bytes += part.length;
        if (has_sink(answer))
                return answer->sink->receive(answer->sink->owner, part.start, part.length, err);
        return buf_append(&answer->body, part.start, part.length);
}

static bool take_body(struct http_answer *answer, struct http_text *rest, struct error *err)
{
        bool bounded = answer->state != HTTP_ANSWER_TO_THE_END;
        size_t count = bounded && answer->left < rest->length ? answer->left : rest->length;

        if (!keep_body(answer, (struct http_text){ rest->start, count }, err))
                return false;
        rest->start += count;
        rest->length -= count;
        if (!bounded)
                return true;
        answer->left -= count;
        if (answer->left == 0)
                answer->state = answer->state == HTTP_ANSWER_CHUNK ? HTTP_ANSWER_CHUNK_END
                                                                   : HTTP_ANSWER_WHOLE;
        return true;
}

bool http_answer_take(struct http_answer *answer, const char *bytes, size_t length,
                      struct error *err)
{
        struct http_text rest = { bytes, length };

        while (rest.length > 0) {
                bool body = answer->state == HTTP_ANSWER_CHUNK ||
                            answer->state == HTTP_ANSWER_LENGTH ||
                            answer->state == HTTP_ANSWER_TO_THE_END;

                if (answer->state == HTTP_ANSWER_WHOLE)
                        return refuse(err, "bytes behind its end");
                if (!(body ? take_body(answer, &rest, err) : take_line(answer, &rest, err)))
                        return false;
        }
        return true;
}

bool http_answer_end(struct http_answer *answer, struct error *err)
{
        if (answer->state == HTTP_ANSWER_TO_THE_END)
                answer->state = HTTP_ANSWER_WHOLE;
        if (answer->state == HTTP_ANSWER_WHOLE)
                return true;
        return error_set(err, ERROR_UNAVAILABLE,
                         http_answer_is_untouched(answer) ? "closed without an answer"
                                                          : "broke off while answering");
}
