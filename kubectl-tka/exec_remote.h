/* exec_remote.h - hands the call over to kubectl-tka-remote. */
#pragma once

#include "lib/error.h"

/* The path of the program of that name in our own folder, "/usr/bin/kubectl-tka". The caller's;
 * NULL where /proc is of no help, see errno. */
char *exec_remote_beside(const char *name);
/* Becomes kubectl-tka-remote, which lies beside this executable, with the same arguments. Returns
 * only when that fails. */
bool exec_remote(char **argv, struct error *err);
