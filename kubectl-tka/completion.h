/* completion.h - what may follow the words typed so far. From this machine alone, and nothing that
 * was typed is run. */
#pragma once

#include "lib/buf.h"

/* One candidate a line and the directive ":4" (no files), as kubectl asks kubectl_complete-tka. */
void completion_print(int argc, char **argv, struct buf *text);
/* Makes the link kubectl_complete-tka beside the kubectl-tka that kubectl finds. */
bool completion_install(struct buf *text, struct error *err) must_check;
