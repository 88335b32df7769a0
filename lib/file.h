/* file.h - whole files, read with a limit and written so that a crash leaves old or new. */
#pragma once

#include <sys/types.h>

#include "lib/buf.h"

/* Appends the content to buf, which must have been given a limit. NOT_FOUND when there is none. */
bool file_read(const char *path, struct buf *buf, struct error *err) must_check;
/* As file_read, for files that hold secrets: refuses symbolic links, another owner's files, and
 * files that group or world can read. */
bool file_read_private(const char *path, struct buf *buf, struct error *err) must_check;
/* Temporary file beside it, fsync, rename. Symbolic links are not followed: resolve them first. */
bool file_write(const char *path, mode_t mode, const char *text, size_t length,
                struct error *err) must_check;
/* With what file_write left beside it when it was killed; none is as good as removed. */
bool file_remove(const char *path, struct error *err) must_check;
/* Makes the directory and its missing parents, 0700; an existing one must be ours and closed to
 * group and world. Root makes none below a folder of somebody else. */
bool file_make_private_directory(const char *path, struct error *err) must_check;
/* The folder that path is in, "/etc/tka/" or "."; the caller's. */
char *file_folder(const char *path);
/* The folder that path is in, where it is missing, as above; one that is there is left as it is,
 * also when it is open to others, as ~/.kube often is. */
bool file_make_folder(const char *path, struct error *err) must_check;
/* No core file, no ptrace by others, before the first secret is read (prctl(2), setrlimit(2)). */
void file_forbid_core_dumps(void);
