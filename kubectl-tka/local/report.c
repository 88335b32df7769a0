#include "kubectl-tka/local/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "kubectl-tka/local/journal.h"
#include "kubectl-tka/local/terminal.h"
#include "lib/memory.h"

char *report_plain(const char *text)
{
        return error_clean_line(xstrdup(text));
}

int report_error(const struct error *err)
{
        struct error plain = *err;
        int status = err->exit_status ? err->exit_status : error_exit_code(err->kind);

        if (!err->text[0])
                return status;
        error_clean_line(plain.text);
        error_clean_line(plain.advice);
        journal_add("%s%s%s", plain.text, plain.advice[0] ? "; " : "", plain.advice);
        fprintf(stderr, "%skubectl-tka:%s %s%s%s\n", terminal_colour(STDERR_FILENO, TERMINAL_RED),
                terminal_plain(STDERR_FILENO), plain.text, plain.advice[0] ? "; " : "",
                plain.advice);
        return status;
}

void report_warning(const char *format, ...)
{
        char text[512];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        error_clean_line(text);
        journal_add("warning: %s", text);
        fprintf(stderr, "%skubectl-tka: warning:%s %s\n",
                terminal_colour(STDERR_FILENO, TERMINAL_YELLOW), terminal_plain(STDERR_FILENO),
                text);
}
