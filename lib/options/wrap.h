/* wrap.h - text in lines that fit a terminal. */
#pragma once

#include "lib/buf.h"

/* Appends text, broken between words so that no line passes width columns. The first line goes on
 * where the buffer stands, taken to be column indent; the others begin with indent blanks. A word
 * longer than a line stands alone; newlines in text are kept. Ends without a newline. */
void wrap_print(const char *text, size_t indent, size_t width, struct buf *buf);
