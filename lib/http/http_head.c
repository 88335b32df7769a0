#include "lib/http/http_head.h"

#include <ctype.h>
#include <string.h>

#include "lib/memory.h"

#define METHOD_MAX 32 /* bytes; no registered method is longer than 17 */
#define DIGITS_MAX 9  /* of a Content-Length */

/* What is left to read of the head. */
struct rest {
        const char *at, *end;
};

enum line {
        LINE_WHOLE,
        LINE_PARTIAL,
        LINE_BROKEN,
};

static bool is_target_character(unsigned char c)
{
        return c > ' ' && c < 0x7f && c != '#';
}

static bool is_host_character(unsigned char c)
{
        return isalnum(c) || (c != '\0' && strchr("-._~%!$&'()*+;=:[]", c));
}

/* The next line without its CRLF. Whatever else is no text character breaks it, also in the part
 * of a line that is there so far. */
static enum line take_line(struct rest *rest, struct http_text *line, struct error *err)
{
        const char *at = rest->at;

        while (at < rest->end && http_is_text_character((unsigned char)*at))
                at++;
        *line = (struct http_text){ rest->at, (size_t)(at - rest->at) };
        if (at == rest->end || (*at == '\r' && at + 1 == rest->end))
                return LINE_PARTIAL;
        if (at[0] == '\r' && at[1] == '\n') {
                rest->at = at + 2;
                return LINE_WHOLE;
        }
        if (*at == '\n' || *at == '\r')
                error_set(err, ERROR_INVALID, "a line of the request head does not end in CRLF");
        else
                error_set(err, ERROR_INVALID, "byte 0x%02x in the request head",
                          (unsigned char)*at);
        return LINE_BROKEN;
}

static bool refuse_long_target(struct error *err)
{
        return error_set_status(err, ERROR_INVALID, 414,
                                "the request target is longer than %d bytes", LIMIT_HTTP_TARGET);
}

static bool check_version(struct http_text version, struct error *err)
{
        if (http_text_equals(version, "HTTP/1.1"))
                return true;
        if (version.length == 8 && memcmp(version.start, "HTTP/", 5) == 0 &&
            http_is_digit((unsigned char)version.start[5]) && version.start[6] == '.' &&
            http_is_digit((unsigned char)version.start[7]))
                return error_set_status(err, ERROR_INVALID, 505,
                                        "%.8s is not spoken here, only HTTP/1.1", version.start);
        return error_set(err, ERROR_INVALID, "the request line is not \"METHOD /target HTTP/1.1\"");
}

static bool check_target(struct http_text target, struct error *err)
{
        if (target.length > LIMIT_HTTP_TARGET)
                return refuse_long_target(err);
        if (target.length == 0 || *target.start != '/')
                return error_set(err, ERROR_INVALID, "the request target does not start with /");
        if (!http_text_is_all(target, is_target_character))
                return error_set(err, ERROR_INVALID,
                                 "a byte of the request target must be percent-encoded");
        return true;
}

/* Also of a request line that is not whole yet, as far as it goes. */
static bool check_method(struct http_text method, struct error *err)
{
        if (method.length > METHOD_MAX || !http_text_is_all(method, http_is_token_character))
                return error_set(err, ERROR_INVALID, "the request does not start with a method");
        return true;
}

static bool read_request_line(struct http_text line, struct http_head *head, struct error *err)
{
        head->method = http_text_take_until(&line, ' ');
        head->target = http_text_take_until(&line, ' ');
        if (head->method.length == 0)
                return error_set(err, ERROR_INVALID, "the request does not start with a method");
        return check_method(head->method, err) && check_target(head->target, err) &&
               check_version(line, err);
}

/* A long line is refused before its end is there. */
static bool check_partial_request_line(struct http_text line, struct error *err)
{
        struct http_text method = http_text_take_until(&line, ' ');

        if (!check_method(method, err))
                return false;
        if (http_text_take_until(&line, ' ').length > LIMIT_HTTP_TARGET)
                return refuse_long_target(err);
        return true;
}

static bool read_length(struct http_text value, struct http_head *head, struct error *err)
{
        if (value.length == 0 || !http_text_is_all(value, http_is_digit))
                return error_set(err, ERROR_INVALID, "the Content-Length is not a number");
        if (value.length > DIGITS_MAX)
                return error_set_status(err, ERROR_INVALID, 413,
                                        "a Content-Length of %zu digits is too long", value.length);
        for (size_t i = 0; i < value.length; i++)
                head->content_length = head->content_length * 10 + (size_t)(value.start[i] - '0');
        return true;
}

static bool refuse_coding(struct http_text value, struct http_head *head, struct error *err)
{
        (void)value;
        (void)head;
        return error_set_status(err, ERROR_INVALID, 501,
                                "Transfer-Encoding is not taken: send a Content-Length");
}

static bool read_connection(struct http_text value, struct http_head *head, struct error *err)
{
        (void)err;
        if (http_text_lists(value, "close"))
                head->keep_alive = false;
        return true;
}

static bool read_expect(struct http_text value, struct http_head *head, struct error *err)
{
        head->expects_continue = http_text_equals_ignoring_case(value, "100-continue");
        if (!head->expects_continue)
                return error_set_status(err, ERROR_INVALID, 417,
                                        "no expectation is met but 100-continue");
        return true;
}

static bool check_host(struct http_text value, struct http_head *head, struct error *err)
{
        (void)head;
        if (value.length == 0 || !http_text_is_all(value, is_host_character))
                return error_set(err, ERROR_INVALID, "the Host is not a name with a port");
        return true;
}

/* The headers that mean something to the parser, or that nobody may send twice. */
static const struct {
        const char *name;
        bool once;
        bool (*read)(struct http_text value, struct http_head *head, struct error *err);
} known[] = {
        { "Host",              true,  check_host      },
        { "Content-Length",    true,  read_length     },
        { "Transfer-Encoding", false, refuse_coding   },
        { "Connection",        false, read_connection },
        { "Expect",            true,  read_expect     },
        { "Authorization",     true,  NULL            },
        { "Content-Type",      true,  NULL            },
};

static bool read_known(const struct http_header *header, struct http_head *head, unsigned *seen,
                       struct error *err)
{
        for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
                if (!http_text_equals_ignoring_case(header->name, known[i].name))
                        continue;
                if (known[i].once && (*seen & 1U << i))
                        return error_set(err, ERROR_INVALID, "more than one %s", known[i].name);
                *seen |= 1U << i;
                return !known[i].read || known[i].read(header->value, head, err);
        }
        return true;
}

static bool read_header(struct http_text line, struct http_head *head, unsigned *seen,
                        struct error *err)
{
        struct http_header header;

        if (*line.start == ' ' || *line.start == '\t')
                return error_set(err, ERROR_INVALID, "a header is folded onto a second line");
        if (head->header_count == LIMIT_HTTP_HEADERS)
                return error_set_status(err, ERROR_INVALID, 431, "more than %d headers",
                                        LIMIT_HTTP_HEADERS);
        if (!http_header_read(line, &header))
                return error_set(err, ERROR_INVALID, "header line %zu is not \"Name: value\"",
                                 head->header_count + 1);
        head->headers[head->header_count++] = header;
        return read_known(&header, head, seen, err);
}

/* All lines up to the empty one. */
static enum line read_headers(struct rest *rest, struct http_head *head, struct error *err)
{
        unsigned seen = 0;

        for (;;) {
                struct http_text line;
                enum line kind = take_line(rest, &line, err);

                if (kind != LINE_WHOLE)
                        return kind;
                if (line.length == 0)
                        break;
                if (!read_header(line, head, &seen, err))
                        return LINE_BROKEN;
        }
        if (!(seen & 1U)) {
                error_set(err, ERROR_INVALID, "the request has no Host");
                return LINE_BROKEN;
        }
        return LINE_WHOLE;
}

static enum line read_head(struct rest *rest, struct http_head *head, struct error *err)
{
        struct http_text line;
        enum line kind = take_line(rest, &line, err);

        if (kind == LINE_BROKEN)
                return kind;
        if (kind == LINE_PARTIAL)
                return check_partial_request_line(line, err) ? LINE_PARTIAL : LINE_BROKEN;
        if (!read_request_line(line, head, err))
                return LINE_BROKEN;
        return read_headers(rest, head, err);
}

enum http_head_result http_head_parse(const char *bytes, size_t length, size_t limit_body,
                                      struct http_head *head, struct error *err)
{
        struct http_head read;
        struct rest rest = { bytes, bytes + length };

        read.header_count = 0;
        read.content_length = 0;
        read.keep_alive = true;
        read.expects_continue = false;

        enum line kind = read_head(&rest, &read, err);

        if (kind == LINE_BROKEN)
                return HTTP_HEAD_REFUSED;
        read.length = (size_t)(rest.at - bytes);
        if ((kind == LINE_WHOLE ? read.length : length) > LIMIT_HTTP_HEAD) {
                error_set_status(err, ERROR_INVALID, 431,
                                 "the request head is longer than %d bytes", LIMIT_HTTP_HEAD);
                return HTTP_HEAD_REFUSED;
        }
        if (kind == LINE_PARTIAL)
                return HTTP_HEAD_INCOMPLETE;
        if (read.content_length > limit_body) {
                error_set_status(err, ERROR_INVALID, 413,
                                 "a body of %zu bytes is longer than the %zu taken here",
                                 read.content_length, limit_body);
                return HTTP_HEAD_REFUSED;
        }
        *head = read;
        return HTTP_HEAD_COMPLETE;
}

static void move(struct http_text *text, const char *from, const char *to)
{
        text->start = to + (text->start - from);
}

void http_head_move(struct http_head *head, const char *from, const char *to)
{
        move(&head->method, from, to);
        move(&head->target, from, to);
        for (size_t i = 0; i < head->header_count; i++) {
                move(&head->headers[i].name, from, to);
                move(&head->headers[i].value, from, to);
        }
}
