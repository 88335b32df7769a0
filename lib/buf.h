/* buf.h - a growing string with a hard maximum, wiped when cleared. */
#pragma once

#include "lib/error.h"

/* The all-zero struct is an empty buffer without a limit: for text of our own making alone. A
 * buffer fed from outside is born with buf_init(). text is NUL-terminated once not NULL. */
struct buf {
        char *text;
        size_t length;
        size_t capacity;
        size_t limit; /* bytes, 0: none */
};

void buf_init(struct buf *buf, size_t limit_bytes);
/* Wipes and frees; what was cleared can be used again, with the same limit. */
void buf_clear(struct buf *buf);

/* false, and nothing appended, when the limit would be passed. */
bool buf_append(struct buf *buf, const void *bytes, size_t length);
/* For buffers of our own: passing the limit is a programming error and aborts. */
void buf_add(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) printf_like(2, 3);
/* Appends text with everything but A-Z a-z 0-9 - . _ ~ percent-escaped (RFC 3986, 2.3). */
void buf_add_escaped(struct buf *buf, const char *text);
/* Drops the first length bytes. */
void buf_consume(struct buf *buf, size_t length);
/* Keeps the first length bytes. */
void buf_truncate(struct buf *buf, size_t length);
/* The text, "" when there is none; borrowed until the next change. */
const char *buf_text(const struct buf *buf);
/* Hands the text over to the caller, never NULL; the buffer is empty afterwards. */
char *buf_take(struct buf *buf);
