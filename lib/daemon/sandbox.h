/* sandbox.h - after everything is open: no new privileges, no exec, files only where named. */
#pragma once

#include "lib/error.h"

struct sandbox {
        const char *const *readable; /* files and folders that may still be read; ended by NULL */
        const char *const *sockets;  /* folders with unix sockets to connect to; ended by NULL */
};

/* PR_SET_NO_NEW_PRIVS, not dumpable, no core, Landlock (nothing written, readable alone read), a
 * seccomp deny-list (execve, ptrace, mount, ...: EPERM). A kernel without Landlock sets
 * *without_landlock, to be warned about once, and the rest still holds. */
bool sandbox_enter(const struct sandbox *sandbox, bool *without_landlock,
                   struct error *err) must_check;
