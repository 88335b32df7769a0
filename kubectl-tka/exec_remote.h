/* exec_remote.h - hands the call over to kubectl-tka-remote. */
#pragma once

#include "lib/error.h"

/* Becomes kubectl-tka-remote, which lies beside this executable, with the same arguments. Returns
 * only when that fails. */
bool exec_remote(char **argv, struct error *err);
