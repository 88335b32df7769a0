/* terminal.h - what can be done on a terminal, from the environment and the kernel alone: the
 * terminal itself is never asked. */
#pragma once

#include "lib/error.h"

/* A terminal that can be written over: fd is one, and TERM is neither empty nor "dumb". */
bool terminal_is_smart(int fd);
/* The same, and NO_COLOR is not set. */
bool terminal_has_colours(int fd);
/* Columns; 80 where fd is no terminal. */
size_t terminal_width(int fd);

enum terminal_colour {
        TERMINAL_PLAIN,
        TERMINAL_BOLD,
        TERMINAL_RED,
        TERMINAL_GREEN,
        TERMINAL_YELLOW
};
/* The sequences to put before and after a text; "" where fd has no colours. */
const char *terminal_colour(int fd, enum terminal_colour colour);
const char *terminal_plain(int fd);
