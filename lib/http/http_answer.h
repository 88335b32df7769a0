/* http_answer.h - an HTTP/1.1 answer to a GET, read strictly as it arrives (RFC 9112). No sockets.
 *
 * The server's own parser of requests is http_head.h; both stand on http_text.h. */
#pragma once

#include "lib/buf.h"

enum http_answer_state {
        HTTP_ANSWER_STATUS, /* its lines: of the head, and those around chunks */
        HTTP_ANSWER_HEADERS,
        HTTP_ANSWER_CHUNK_SIZE,
        HTTP_ANSWER_CHUNK_END,
        HTTP_ANSWER_TRAILERS,
        HTTP_ANSWER_CHUNK, /* its bytes */
        HTTP_ANSWER_LENGTH,
        HTTP_ANSWER_TO_THE_END, /* of the connection */
        HTTP_ANSWER_WHOLE,
};

/* Who takes the body of an answer with status 200 as it comes, so that it need not be in memory. */
struct http_sink {
        bool (*receive)(void *owner, const char *bytes, size_t length,
                        struct error *err) must_check;
        void *owner;
        size_t limit_bytes; /* in place of limit_body */
};

/* Open for the tests; init and clear pair up. */
struct http_answer {
        enum http_answer_state state;
        int status;
        bool keep_alive; /* another request may go over the same connection */
        struct buf body;
        const struct http_sink *sink; /* set after init; NULL: none */
        struct buf line;              /* the part of one that is here */
        size_t head_bytes;            /* of all lines so far */
        size_t body_bytes;            /* so far */
        size_t left;                  /* bytes of the body or chunk still to come */
        bool has_length, has_coding;
};

void http_answer_init(struct http_answer *answer, size_t limit_body);
void http_answer_clear(struct http_answer *answer);

/* Takes all of the bytes, however the answer was cut into pieces. false: it is none that can be
 * believed (ERROR_INVALID) or that the sink does not take, and nothing more may be given. Refuses,
 * among others: anything but HTTP/1.x, bare CR or LF, folded lines, any coding but chunked, a
 * Content-Length that is not one row of digits or that stands twice or beside chunks, bytes behind
 * the end, a body longer than limit_body, lines of more than LIMIT_HTTP_ANSWER_HEAD bytes together.
 */
bool http_answer_take(struct http_answer *answer, const char *bytes, size_t length,
                      struct error *err) must_check;
/* Nothing more comes. false: that was too early. */
bool http_answer_end(struct http_answer *answer, struct error *err) must_check;
/* Nothing came so far. */
bool http_answer_is_untouched(const struct http_answer *answer);
