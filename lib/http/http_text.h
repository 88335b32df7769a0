/* http_text.h - pieces of an HTTP/1.1 head: what may stand where, and where a piece ends. */
#pragma once

#include "lib/error.h"

/* Borrowed from the bytes that were parsed. */
struct http_text {
        const char *start;
        size_t length;
};

struct http_header {
        struct http_text name, value; /* the value without white space around it */
};

bool http_text_equals(struct http_text text, const char *other);
/* Header names compare without case. */
bool http_text_equals_ignoring_case(struct http_text text, const char *other);
/* Takes the text up to the next c, or all there is; rest then stands behind c. */
struct http_text http_text_take_until(struct http_text *rest, char c);
struct http_text http_text_trim(struct http_text text);
bool http_text_is_all(struct http_text text, bool (*is)(unsigned char c));

/* Of methods and header names (RFC 9110, 5.6.2). */
bool http_is_token_character(unsigned char c);
/* Of a header's value, and so of any line: no control character but the tab. */
bool http_is_text_character(unsigned char c);
bool http_is_digit(unsigned char c);
/* Its value, or -1. */
int http_hex_digit(char c);

/* "Name: value"; false when the line is anything else. */
bool http_header_read(struct http_text line, struct http_header *header);
/* The elements of a list, of which name may be one, without regard to case. */
bool http_text_lists(struct http_text list, const char *name);
