#include "lib/http/http_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool http_is_token_character(unsigned char c)
{
        return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

bool http_is_text_character(unsigned char c)
{
        return c == '\t' || (c >= ' ' && c != 0x7f);
}

bool http_is_digit(unsigned char c)
{
        return c >= '0' && c <= '9';
}

int http_hex_digit(char c)
{
        if (http_is_digit((unsigned char)c))
                return c - '0';
        c = (char)tolower((unsigned char)c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_text_is_all(struct http_text text, bool (*is)(unsigned char c))
{
        for (size_t i = 0; i < text.length; i++)
                if (!is((unsigned char)text.start[i]))
                        return false;
        return true;
}

bool http_text_equals(struct http_text text, const char *other)
{
        return text.length == strlen(other) && memcmp(text.start, other, text.length) == 0;
}

bool http_text_equals_ignoring_case(struct http_text text, const char *other)
{
        return text.length == strlen(other) && strncasecmp(text.start, other, text.length) == 0;
}

struct http_text http_text_take_until(struct http_text *rest, char c)
{
        const char *found = rest->length ? memchr(rest->start, c, rest->length) : NULL;
        struct http_text text = *rest;

        if (found)
                text.length = (size_t)(found - rest->start);
        size_t used = text.length + (found ? 1 : 0);

        rest->start += used;
        rest->length -= used;
        return text;
}

struct http_text http_text_trim(struct http_text text)
{
        while (text.length && (*text.start == ' ' || *text.start == '\t')) {
                text.start++;
                text.length--;
        }
        while (text.length &&
               (text.start[text.length - 1] == ' ' || text.start[text.length - 1] == '\t'))
                text.length--;
        return text;
}

bool http_header_read(struct http_text line, struct http_header *header)
{
        struct http_text value = line;
        struct http_text name = http_text_take_until(&value, ':');

        if (name.length == 0 || name.length == line.length ||
            !http_text_is_all(name, http_is_token_character))
                return false;
        *header = (struct http_header){ name, http_text_trim(value) };
        return true;
}

bool http_text_lists(struct http_text list, const char *name)
{
        while (list.length)
                if (http_text_equals_ignoring_case(http_text_trim(http_text_take_until(&list, ',')),
                                                   name))
                        return true;
        return false;
}
