/* help.h - what --help prints, from the tables of commands and flags. */
#pragma once

#include "kubectl-tka/commands.h"

/* In lines of at most width columns. */
void help_print_all(const char *program, size_t width, struct buf *text);
void help_print_command(const char *program, enum command command, size_t width, struct buf *text);
/* The same on stdout, as wide as it is. */
bool help_show(const char *program, enum command command, struct error *err) must_check;
