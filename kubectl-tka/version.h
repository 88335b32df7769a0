/* version.h - `kubectl tka version`. */
#pragma once

#include "lib/buf.h"

/* argv[0] is the command's last word. *known is false, and nothing printed, for other flags than
 * -o json|text: the option tables have the words for those. */
void version_print(int argc, char **argv, bool *known, struct buf *text);
