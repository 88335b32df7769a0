#include "kubectl-tka/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/memory.h"

/* A server's words may hold anything: no control character reaches the terminal. */
static void make_plain(char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        *text = '?';
}

char *report_plain(const char *text)
{
        char *copy = xstrdup(text);

        make_plain(copy);
        return copy;
}

int report_error(const struct error *err)
{
        struct error plain = *err;

        if (!err->text[0])
                return error_exit_code(err->kind);
        make_plain(plain.text);
        make_plain(plain.advice);
        fprintf(stderr, "kubectl-tka: %s%s%s\n", plain.text, plain.advice[0] ? "; " : "",
                plain.advice);
        return error_exit_code(err->kind);
}

void report_warning(const char *format, ...)
{
        char text[512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        make_plain(text);
        fprintf(stderr, "kubectl-tka: warning: %s\n", text);
}
