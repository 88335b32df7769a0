/* http_head.h - the head of an HTTP/1.1 request, strictly (RFC 9112). One pure function. */
#pragma once

#include "lib/http/http_text.h"
#include "lib/limits.h"

struct http_head {
        struct http_text method, target; /* the target starts with '/' */
        struct http_header headers[LIMIT_HTTP_HEADERS];
        size_t header_count;
        size_t length;         /* bytes of the head, its empty line included */
        size_t content_length; /* 0 when absent */
        bool keep_alive;
        bool expects_continue;
};

enum http_head_result {
        HTTP_HEAD_COMPLETE,
        HTTP_HEAD_INCOMPLETE, /* more bytes are needed, so far nothing is wrong */
        HTTP_HEAD_REFUSED,    /* err says why, with the status: 400, 413, 414, 417, 431, 501, 505 */
};

/* Refuses, among others: anything but HTTP/1.1, bare CR or LF, folded lines, white space before a
 * colon, no or two Hosts, a Content-Length that is not one short row of digits, any
 * Transfer-Encoding, two of Authorization, Content-Type, Content-Length, Host, absolute-form
 * targets. A body longer than limit_body is 413. *head is set on COMPLETE alone. */
enum http_head_result http_head_parse(const char *bytes, size_t length, size_t limit_body,
                                      struct http_head *head, struct error *err) must_check;
/* The bytes at from were copied: the head points into the copy now. */
void http_head_move(struct http_head *head, const char *from, const char *to);
