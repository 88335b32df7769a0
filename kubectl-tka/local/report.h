/* report.h - what a person reads on stderr. */
#pragma once

#include "lib/error.h"

/* One line, whatever the text holds: "kubectl-tka: why; what to do". Returns the exit code. An
 * error without a text was told before: nothing is said. */
int report_error(const struct error *err);
/* "kubectl-tka: warning: ..." */
void report_warning(const char *format, ...) printf_like(1, 2);
/* A copy for a terminal: control characters, which a server may have sent, as '?'. The caller's. */
char *report_plain(const char *text);
