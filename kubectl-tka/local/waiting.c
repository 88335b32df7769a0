#include "kubectl-tka/local/waiting.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "kubectl-tka/local/terminal.h"

static bool is_allowed;

void waiting_allow(bool allowed)
{
        is_allowed = allowed;
}

void waiting_tell(const char *format, ...)
{
        char words[512];
        va_list args;

        if (!is_allowed || !terminal_is_smart(STDERR_FILENO))
                return;
        va_start(args, format);
        vsnprintf(words, sizeof(words), format, args);
        va_end(args);
        fprintf(stderr, "Waiting for %s\n", error_clean_line(words));
}
