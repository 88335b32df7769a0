/* journal.h - what we did and why, a line at a time, in the file that TKA_LOG names: for who
 * wonders why kubectl waits or is refused. Never a token. */
#pragma once

#include "lib/error.h"

/* Adds a line with the time and our process; without TKA_LOG nothing. A file that is somebody
 * else's, or cannot be written, is left alone. */
void journal_add(const char *format, ...) printf_like(1, 2);
