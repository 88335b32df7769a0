/* fd.h - file descriptors: closed on the way out, written whole, locked in time. */
#pragma once

#include <stddef.h>

#include "lib/error.h"

/* For scoped(fd_close); one below 0 is none. */
void fd_close(const int *fd);
/* All of it, also where write(2) takes a part or is interrupted. false: errno says why. */
bool fd_write(int fd, const char *text, size_t length);
/* flock(2), which knows no time-out: tries every millisecond for so long. false: somebody else
 * has it still, or errno says why not. */
bool fd_lock(int fd, int64_t timeout_ms);
