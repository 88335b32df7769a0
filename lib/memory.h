/* memory.h - allocation that aborts when there is none, and what C functions are banned. */
#pragma once

#include "lib/error.h"

#include "lib/banned.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *pointer, size_t size);
char *xstrdup(const char *text); /* NULL gives NULL */
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *format, ...) printf_like(1, 2);

/* For scoped(): frees what the variable points at. */
void free_pointer(void *variable);
#define scoped_free scoped(free_pointer)

/* Wipes before freeing; jansson and libcurl are given these as allocators where they hold tokens.
 */
void free_wiped(void *pointer);
