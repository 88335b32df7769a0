/* child.h - a program run in our place in the foreground: terminal, signals and exit status pass
 * through, and whatever happens to it, we are there afterwards. */
#pragma once

#include <signal.h>

#include "lib/error.h"

/* Signals that would end this process wait from here on, so that what was begun is undone. */
void child_hold_signals(sigset_t *before);
/* One that came since, or 0; it is used up. */
int child_take_signal(void);
/* Those that came meanwhile have had their say: the program ended, or we were asked to end. */
void child_release_signals(const sigset_t *before);

struct child {
        char *const *argv;       /* looked up in PATH */
        const sigset_t *signals; /* what child_hold_signals() gave */
        /* An interactive shell: it takes no notice of SIGTERM, and is hung up on. */
        bool is_shell;
};

/* Runs it to its end, with signals held, and gives its exit status as a shell would: 128 and the
 * signal when one ended it. It stays in our process group, so the terminal's keys and size are its
 * own; signals sent to us alone are passed on, and after TERM or HUP it has 5 s. If we are killed
 * it is hung up on. The terminal is ours again afterwards. NOT_FOUND, or DENIED, when it cannot be
 * started. */
bool child_run(const struct child *child, int *status, struct error *err) must_check;
