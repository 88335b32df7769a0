/* parent.h - the process that runs us: kubectl, or another client. */
#pragma once

#include "lib/error.h"

struct parent {
        int64_t pid;
        int64_t started; /* in the kernel's ticks: a pid is used again. 0: not known */
};
void parent_read(struct parent *parent);
/* Whether those are its numbers. One that is not known, as where it lives outside our container,
 * may be anybody: never. */
bool parent_is(const struct parent *parent, int64_t pid, int64_t started);
/* Milliseconds that never jump, the same for every process; what is remembered for a short while is
 * dated by them. */
int64_t parent_clock_ms(void);
