#include "lib/memory.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* There is nothing left to build a better message from. */
static void *check_allocated(void *pointer)
{
        static const char words[] = "out of memory\n";

        if (pointer)
                return pointer;
        if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
                abort();
        abort();
}

void *xmalloc(size_t size)
{
        return check_allocated(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
        return check_allocated(count && size ? calloc(count, size) : calloc(1, 1));
}

void *xrealloc(void *pointer, size_t size)
{
        return check_allocated(realloc(pointer, size ? size : 1));
}

char *xstrdup(const char *text)
{
        return text ? xstrndup(text, strlen(text)) : NULL;
}

char *xstrndup(const char *text, size_t length)
{
        size_t used = strnlen(text, length);
        char *copy = xmalloc(used + 1);

        memcpy(copy, text, used);
        copy[used] = '\0';
        return copy;
}

char *xasprintf(const char *format, ...)
{
        char *text = NULL;
        va_list args;

        va_start(args, format);
        int length = vasprintf(&text, format, args);
        va_end(args);
        return check_allocated(length < 0 ? NULL : text);
}

void free_pointer(void *variable)
{
        void **pointer = (void **)variable;

        free(*pointer);
}

void free_wiped(void *pointer)
{
        if (!pointer)
                return;
        explicit_bzero(pointer, malloc_usable_size(pointer));
        free(pointer);
}
