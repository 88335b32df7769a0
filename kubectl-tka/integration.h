/* integration.h - KUBECONFIG for one shell alone: a function `tka` for it, and the one line that
 * the function evaluates. */
#pragma once

#include "lib/buf.h"

/* argv: SHELL PID and the words typed after `tka`. For a command line that signs in, the line that
 * leads that shell to a kubeconfig of its own, "export KUBECONFIG='...'"; for all others nothing.
 * Makes the folder of those files, and removes those of shells that are gone. */
bool integration_print_line(int argc, char **argv, struct buf *text, struct error *err) must_check;
