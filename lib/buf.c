#include "lib/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

void buf_init(struct buf *buf, size_t limit_bytes)
{
        *buf = (struct buf){ .limit = limit_bytes };
}

void buf_clear(struct buf *buf)
{
        free_wiped(buf->text);
        buf_init(buf, buf->limit);
}

/* Room for length more bytes and the NUL. A copy, not realloc(): the old bytes must be wiped. */
static bool make_room(struct buf *buf, size_t length)
{
        if (length >= SIZE_MAX / 2 - buf->length)
                return false;
        size_t needed = buf->length + length;
        if (buf->limit && needed > buf->limit)
                return false;
        if (buf->text && needed < buf->capacity)
                return true;

        size_t capacity = buf->capacity ? buf->capacity : 32;
        while (capacity <= needed)
                capacity *= 2;
        char *text = xmalloc(capacity);
        if (buf->text)
                memcpy(text, buf->text, buf->length);
        text[buf->length] = '\0';
        free_wiped(buf->text);
        buf->text = text;
        buf->capacity = capacity;
        return true;
}

bool buf_append(struct buf *buf, const void *bytes, size_t length)
{
        if (!make_room(buf, length))
                return false;
        if (length)
                memcpy(buf->text + buf->length, bytes, length);
        buf->length += length;
        buf->text[buf->length] = '\0';
        return true;
}

void buf_add(struct buf *buf, const char *text)
{
        if (!buf_append(buf, text, strlen(text)))
                abort();
}

void buf_printf(struct buf *buf, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        int length = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (length < 0 || !make_room(buf, (size_t)length))
                abort();

        va_start(args, format);
        vsnprintf(buf->text + buf->length, (size_t)length + 1, format, args);
        va_end(args);
        buf->length += (size_t)length;
}

static bool is_unreserved(char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == '~';
}

void buf_add_escaped(struct buf *buf, const char *text)
{
        for (const char *at = text; *at; at++)
                if (is_unreserved(*at))
                        buf_printf(buf, "%c", *at);
                else
                        buf_printf(buf, "%%%02X", (unsigned int)(unsigned char)*at);
}

void buf_consume(struct buf *buf, size_t length)
{
        assert(length <= buf->length);
        size_t left = buf->length - length;
        if (left)
                memmove(buf->text, buf->text + length, left);
        buf_truncate(buf, left);
}

void buf_truncate(struct buf *buf, size_t length)
{
        assert(length <= buf->length);
        if (buf->text)
                explicit_bzero(buf->text + length, buf->length - length + 1);
        buf->length = length;
}

const char *buf_text(const struct buf *buf)
{
        return buf->text ? buf->text : "";
}

char *buf_take(struct buf *buf)
{
        char *text = buf->text ? buf->text : xstrdup("");

        buf_init(buf, buf->limit);
        return text;
}
