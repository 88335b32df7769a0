/* shell_rc.h - how a person's shell is started so that its prompt says where it is, without
 * touching the person's own files. */
#pragma once

#include "kubectl-tka/remote/shell_folder.h"
#include "lib/json.h"

#define SHELL_RC_PROMPT_VARIABLE "TKA_PROMPT" /* what stands before the prompt: "(tka prod) " */

/* Writes into the folder what the shell is to read besides its own files, gives its arguments, and
 * sets the variables that its start needs in our environment, which it inherits. shell: a path, as
 * in SHELL; one that is not known by name gets PS1. */
bool shell_rc_prepare(const struct shell_folder *folder, const char *shell, struct text_list *argv,
                      struct error *err) must_check;
