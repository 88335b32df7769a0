/* sweep.h - removes what no session owns: once at start, then every few minutes, and when there is
 * reason to. */
#pragma once

#include "operator/program.h"

struct sweep;

/* A fiber; the first sweep comes once everything was listed. free() it after sweep_stop() and the
 * fiber's end. */
struct sweep *sweep_start(struct program *program);
void sweep_stop(struct sweep *sweep);
/* Something turned up whose session is not known: looks in a few seconds. */
void sweep_soon(struct sweep *sweep);
