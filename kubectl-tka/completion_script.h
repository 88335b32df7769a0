/* completion_script.h - what a shell reads to complete `tka` and `kubectl-tka`. It asks the program
 * for every word, and evaluates nothing of the answer. */
#pragma once

#include "lib/error.h"

/* Borrowed for ever; NULL: no such shell. */
const char *completion_script(const char *shell);
