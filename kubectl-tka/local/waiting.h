/* waiting.h - what is waited for where no loop turns, on a person's terminal alone; where one does,
 * see remote/progress.h. */
#pragma once

#include "lib/error.h"

#define WAITING_PATIENCE_MS 300 /* a wait that is shorter is not worth a line */

/* Nothing is told before; not for kubectl's plugin, nor with --quiet. */
void waiting_allow(bool allowed);
/* "Waiting for the keyring" on stderr, where that is a terminal that can be written over. */
void waiting_tell(const char *format, ...) printf_like(1, 2);
