/* directory.h - where a person's files lie: XDG's variables, else below the home directory. */
#pragma once

#include "lib/error.h"

/* "$KUBECACHEDIR/tka", which is where kubectl keeps its own, else "$XDG_CACHE_HOME/tka", else
 * "~/.cache/tka". The caller's; NULL when none is known. */
char *directory_cache(void);
/* "$XDG_RUNTIME_DIR/tka", in `kubectl tka shell` a folder of its own. The caller's; NULL when the
 * session has no such folder of ours, or the shell is over. */
char *directory_runtime(void);
/* "$XDG_STATE_HOME/tka", else "~/.local/state/tka"; in `kubectl tka shell` a folder of its own. The
 * caller's; NULL when neither is known, or the shell is over. */
char *directory_state(void);
/* What DIRECTORY_SHELL_VARIABLE says: the folder of the `kubectl tka shell` or `exec` that we run
 * in, which may be gone. Borrowed; NULL: in none. */
#define DIRECTORY_SHELL_VARIABLE "TKA_SHELL"
const char *directory_shell(void);
/* The kubeconfig in that folder is gone: the session has ended, or is being ended, and nothing is
 * kept for it, nor anything begun. */
#define DIRECTORY_SHELL_KUBECONFIG "kubeconfig"
bool directory_shell_is_over(void);
/* Where those folders are made. The caller's; NULL: there is no place for them. */
char *directory_shells(void);
/* "$XDG_CONFIG_HOME/tka", else "~/.config/tka". The same. */
char *directory_config(void);
/* Which texts differ; it hides nothing. */
uint64_t directory_hash(const char *text);
/* "directory/<hash of the parts><suffix>". The hash only picks a file: what it holds must name the
 * parts again. The caller's. */
char *directory_file(const char *directory, const char *const *parts, size_t count,
                     const char *suffix);
