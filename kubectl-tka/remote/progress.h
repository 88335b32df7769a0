/* progress.h - what is being waited for, and how long already, on a person's terminal alone. */
#pragma once

#include "kubectl-tka/config.h"

struct loop;
struct progress;

/* After a moment of waiting on the loop, a line on stderr that is written over until it ends. NULL:
 * stderr is no terminal that can be written over, or --quiet. */
struct progress *progress_start(struct loop *loop, const struct config *config, const char *format,
                                ...) printf_like(3, 4);
/* Takes the line away. For scoped(); sets *progress to NULL. */
void progress_stop(struct progress **progress);
