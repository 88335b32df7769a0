/* shell_session.h - the end of what `shell` and `exec` began. */
#pragma once

#include "kubectl-tka/remote/config.h"
#include "kubectl-tka/remote/shell_folder.h"

/* Removes the folder and ends its session at the server, unless something else of ours has the same
 * session: another shell, or a login of the kubeconfig. *ended says whether it did. When the server
 * does not answer within 5 s the session's note alone stays, for the next command. */
bool shell_session_end(const struct shell_folder *folder, const struct config *config, bool *ended,
                       struct error *err) must_check;
/* The same for every shell that was killed. Says nothing: what does not work out is tried again by
 * the next command, a minute later at the soonest. */
void shell_session_sweep(const struct config *config);
