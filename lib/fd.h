/* fd.h - file descriptors: closed on the way out, written whole. */
#pragma once

#include <stddef.h>

#include "lib/error.h"

/* For scoped(fd_close); one below 0 is none. */
void fd_close(const int *fd);
/* All of it, also where write(2) takes a part or is interrupted. false: errno says why. */
bool fd_write(int fd, const char *text, size_t length);
