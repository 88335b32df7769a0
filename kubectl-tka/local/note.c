#include "kubectl-tka/local/note.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubectl-tka/local/directory.h"
#include "lib/file.h"
#include "lib/memory.h"

#define FLAGS (O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

static char *find_folder(void)
{
        char *folder = directory_runtime();

        return folder ? folder : directory_cache();
}

char *note_file(const struct cache_key *key, const char *suffix)
{
        scoped_free char *folder = find_folder();

        return folder ? cache_key_file(key, folder, suffix) : NULL;
}

char *note_common_file(const char *suffix)
{
        const struct cache_key none = { "", "", "", "" };

        return note_file(&none, suffix);
}

bool note_make_folder(struct error *err)
{
        scoped_free char *folder = find_folder();

        if (!folder)
                return error_set(err, ERROR_NOT_FOUND, "no home directory to keep tokens in");
        return file_make_private_directory(folder, err);
}

/* Also root makes no file in a folder of somebody else, who could not use it. */
static bool is_in_folder_of_ours(const char *path)
{
        scoped_free char *folder = file_folder(path);
        struct stat found;

        return stat(folder, &found) == 0 && found.st_uid == geteuid();
}

static int open_private(const char *path)
{
        int fd = is_in_folder_of_ours(path) ? open(path, FLAGS, 0600) : -1;
        struct stat found;

        if (fd >= 0 && (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) ||
                        found.st_uid != geteuid() || (found.st_mode & 077))) {
                close(fd);
                return -1;
        }
        return fd;
}

int note_open(const char *path)
{
        struct error ignored = { 0 };
        int fd = path ? open_private(path) : -1;

        if (fd < 0 && path && access(path, F_OK) != 0 && note_make_folder(&ignored))
                fd = open_private(path);
        return fd;
}
