#include "lib/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/memory.h"

/* errno in words, with what was done to which path. */
static bool explain(struct error *err, const char *doing, const char *path)
{
        enum error_kind kind = ERROR_INTERNAL;

        if (errno == ENOENT || errno == ENOTDIR)
                kind = ERROR_NOT_FOUND;
        else if (errno == EACCES || errno == EPERM || errno == EISDIR || errno == ELOOP ||
                 errno == ENAMETOOLONG)
                kind = ERROR_INVALID;
        return error_set(err, kind, "%s \"%s\": %s", doing, path, strerror(errno));
}

static bool read_all(int fd, const char *path, struct buf *buf, struct error *err)
{
        char chunk[4096];
        ssize_t length = 0;
        bool fits = true;

        do {
                length = read(fd, chunk, sizeof(chunk));
                if (length > 0)
                        fits = buf_append(buf, chunk, (size_t)length);
        } while (fits && (length > 0 || (length < 0 && errno == EINTR)));
        int problem = errno;
        explicit_bzero(chunk, sizeof(chunk));
        errno = problem;

        if (!fits)
                return error_set(err, ERROR_INVALID, "\"%s\" is larger than %zu bytes", path,
                                 buf->limit);
        return length == 0 || explain(err, "reading", path);
}

/* Never waits for the other end of a pipe: what is no regular file is refused. *fd is the caller's,
 * also when this fails. */
static bool open_regular(const char *path, int flags, int *fd, struct stat *found,
                         struct error *err)
{
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
        if (*fd < 0 && errno == ELOOP && (flags & O_NOFOLLOW))
                return error_set(err, ERROR_INVALID, "\"%s\" is a symbolic link", path);
        if (*fd < 0 || fstat(*fd, found))
                return explain(err, "opening", path);
        if (!S_ISREG(found->st_mode))
                return error_set(err, ERROR_INVALID, "\"%s\" is no regular file", path);
        return true;
}

static bool read_into(int fd, const char *path, struct buf *buf, struct error *err)
{
        size_t before = buf->length;

        assert(buf->limit);
        if (read_all(fd, path, buf, err))
                return true;
        buf_truncate(buf, before);
        return false;
}

bool file_read(const char *path, struct buf *buf, struct error *err)
{
        scoped(fd_close) int fd = -1;
        struct stat found = { 0 };

        return open_regular(path, 0, &fd, &found, err) && read_into(fd, path, buf, err);
}

static bool check_private(const struct stat *found, const char *path, struct error *err)
{
        if (found->st_uid != geteuid())
                return error_set(err, ERROR_INVALID, "\"%s\" belongs to user %u, not to us (%u)",
                                 path, found->st_uid, geteuid());
        if (found->st_mode & (S_IRWXG | S_IRWXO))
                return error_set(err, ERROR_INVALID, "\"%s\" is open to group or world (mode %04o)",
                                 path, found->st_mode & 07777);
        return true;
}

bool file_read_private(const char *path, struct buf *buf, struct error *err)
{
        scoped(fd_close) int fd = -1;
        struct stat found = { 0 };

        return open_regular(path, O_NOFOLLOW, &fd, &found, err) &&
               check_private(&found, path, err) && read_into(fd, path, buf, err);
}

bool file_write(const char *path, mode_t mode, const char *text, size_t length, struct error *err)
{
        scoped_free char *beside = xasprintf("%s.XXXXXX", path);
        scoped(fd_close) int fd = mkostemp(beside, O_CLOEXEC);

        if (fd < 0)
                return explain(err, "writing", path);
        if (fd_write(fd, text, length) && !fchmod(fd, mode) && !fsync(fd) && !rename(beside, path))
                return true;
        explain(err, "writing", path);
        unlink(beside);
        return false;
}

/* Such names as file_write gives: the path's, a dot and six letters. */
static bool is_unfinished(const char *entry, const char *name)
{
        size_t length = strlen(name);

        return strncmp(entry, name, length) == 0 && entry[length] == '.' &&
               strlen(entry + length) == sizeof(".XXXXXX") - 1;
}

/* What writers that were killed have left. */
static void remove_unfinished(const char *path)
{
        const char *slash = strrchr(path, '/');
        scoped_free char *folder = file_folder(path);
        const char *name = slash ? slash + 1 : path;
        DIR *directory = opendir(folder);

        if (!directory)
                return;
        int fd = dirfd(directory);
        for (const struct dirent *entry = NULL; fd >= 0 && (entry = readdir(directory)) != NULL;)
                if (is_unfinished(entry->d_name, name))
                        unlinkat(fd, entry->d_name, 0);
        closedir(directory);
}

bool file_remove(const char *path, struct error *err)
{
        remove_unfinished(path);
        return unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR ||
               explain(err, "removing", path);
}

/* What root makes at somebody else's (sudo -E, su without -) locks that person out. */
static bool is_strangers(const char *folder)
{
        struct stat found = { 0 };

        return geteuid() == 0 && stat(folder, &found) == 0 && found.st_uid != 0;
}

static bool make_directory(const char *path, struct error *err)
{
        scoped_free char *parent = file_folder(path);

        if (access(path, F_OK) == 0)
                return true;
        if (is_strangers(parent))
                return error_set(err, ERROR_INVALID,
                                 "folder \"%s\" is not made: we are root, and \"%s\" belongs to "
                                 "somebody else",
                                 path, parent);
        return mkdir(path, 0700) == 0 || errno == EEXIST || explain(err, "making folder", path);
}

static bool make_with_parents(const char *path, struct error *err)
{
        scoped_free char *parents = xstrdup(path);

        for (char *slash = strchr(parents + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (!make_directory(parents, err))
                        return false;
                *slash = '/';
        }
        return make_directory(path, err);
}

bool file_make_private_directory(const char *path, struct error *err)
{
        struct stat found = { 0 };

        if (!*path)
                return error_set(err, ERROR_INVALID, "a folder without a name");
        if (!make_with_parents(path, err))
                return false;

        scoped(fd_close) int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &found))
                return explain(err, "opening folder", path);
        return check_private(&found, path, err);
}

char *file_folder(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
}

bool file_make_folder(const char *path, struct error *err)
{
        const char *slash = strrchr(path, '/');

        if (!slash || slash == path)
                return true;
        scoped_free char *folder = xstrndup(path, (size_t)(slash - path));
        return access(folder, F_OK) == 0 || file_make_private_directory(folder, err);
}

void file_forbid_core_dumps(void)
{
        const struct rlimit none = { 0, 0 };

        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        setrlimit(RLIMIT_CORE, &none);
}
