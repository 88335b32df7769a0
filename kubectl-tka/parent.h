/* parent.h - the process that runs us: kubectl, or another client. */
#pragma once

#include "lib/error.h"

struct parent {
        int64_t pid;
        int64_t started; /* in the kernel's ticks: a pid is used again. 0: not known */
};
void parent_read(struct parent *parent);
/* Milliseconds that never jump, the same for every process; what is remembered for a short while is
 * dated by them. */
int64_t parent_clock_ms(void);
