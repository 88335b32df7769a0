/* aside.h - work that knows no deadline, done in a process of its own: it is ended when nobody
 * waits for it any more, and ends with us. */
#pragma once

#include <sys/types.h>

#include "lib/error.h"

struct aside {
        pid_t child;
        int answer; /* reads what it writes */
};
/* Ends it, whatever it is at. */
void aside_end(struct aside *aside);

/* work() writes its answer to the descriptor and returns. Its standard streams lead nowhere: it
 * keeps no pipe of ours open. */
bool aside_start(void (*work)(const void *what, int answer), const void *what, struct aside *aside,
                 struct error *err) must_check;
