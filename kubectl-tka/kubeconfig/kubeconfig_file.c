#include "kubectl-tka/kubeconfig/kubeconfig_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubectl-tka/kubeconfig/kubeconfig_lock.h"
#include "kubectl-tka/local/kubeconfig_paths.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/yaml.h"

#define READ_ATTEMPTS 50

void kubeconfig_files_clear(struct kubeconfig_files *files)
{
        text_list_clear(&files->paths);
        json_decref(files->documents);
        *files = (struct kubeconfig_files){ 0 };
}

/* A missing file is an empty one. */
static bool read_text(const char *path, struct buf *text, struct error *err)
{
        buf_init(text, LIMIT_KUBECONFIG);
        return file_read(path, text, err) || err->kind == ERROR_NOT_FOUND;
}

static bool is_unchanged(const char *path, const struct stat *before)
{
        struct stat now = { 0 };

        return stat(path, &now) != 0 ||
               (now.st_ino == before->st_ino && now.st_size == before->st_size &&
                now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == before->st_mtim.tv_nsec);
}

/* kubectl empties a file before it fills it again, under its lock: what was read meanwhile is read
 * again. A lock that stays keeps nobody from reading. */
static bool read_settled(const char *path, struct buf *text, struct error *err)
{
        for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
                struct stat before = { 0 };
                bool is_free = kubeconfig_lock_await(path);
                stat(path, &before);
                buf_clear(text);
                if (!read_text(path, text, err))
                        return false;
                if (!is_free || (kubeconfig_lock_await(path) && is_unchanged(path, &before)))
                        return true;
        }
        return true;
}

static bool read_document(const char *path, json_t **document, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };

        if (!read_settled(path, &text, err))
                return false;
        return yaml_parse(buf_text(&text), text.length, document, err) ||
               error_wrap(err, "%s", path);
}

static const char *find_current_context(const json_t *documents)
{
        size_t index = 0;
        const json_t *document = NULL;

        json_array_foreach(documents, index, document)
        {
                const char *name = json_text_at(document, "current-context");
                if (name && name[0])
                        return name;
        }
        return NULL;
}

bool kubeconfig_files_read(const char *explicit_path, struct kubeconfig_files *files,
                           struct error *err)
{
        scoped(text_list_clear) struct text_list paths = { 0 };
        json_auto_t *documents = json_array();

        kubeconfig_paths(explicit_path, &paths);
        if (paths.count == 0)
                return error_set(err, ERROR_INVALID,
                                 "no kubeconfig: neither HOME nor KUBECONFIG is set");
        for (size_t i = 0; i < paths.count; i++) {
                json_t *document = NULL;
                if (!read_document(paths.items[i], &document, err))
                        return false;
                json_array_append_new(documents, document);
        }
        files->current_context = find_current_context(documents);
        files->documents = take(documents);
        files->paths = paths;
        paths = (struct text_list){ 0 };
        return true;
}

const json_t *kubeconfig_files_find(const struct kubeconfig_files *files, const char *list,
                                    const char *name, size_t *file)
{
        size_t index = 0;
        const json_t *document = NULL;

        json_array_foreach(files->documents, index, document)
        {
                const json_t *item = json_find_named(json_object_get(document, list), name);
                if (item) {
                        *file = index;
                        return item;
                }
        }
        return NULL;
}

const char *kubeconfig_files_new_place(const struct kubeconfig_files *files)
{
        for (size_t i = 0; i < files->paths.count; i++)
                if (access(files->paths.items[i], F_OK) == 0)
                        return files->paths.items[i];
        return files->paths.items[files->paths.count - 1];
}

static bool explain(struct error *err, const char *path)
{
        return error_set(err, ERROR_INTERNAL, "writing \"%s\": %s", path, strerror(errno));
}

/* The owner is only another one when root mends somebody's file. A group that is not ours to give
 * loses what the mode gave it: another one would get it. */
static bool keep_owner(int fd, const struct stat *old)
{
        mode_t mode = old->st_mode & 07777;

        if (fchown(fd, old->st_uid, old->st_gid) == 0)
                return fchmod(fd, mode) == 0;
        return old->st_uid == geteuid() && fchmod(fd, mode & ~(mode_t)S_IRWXG) == 0;
}

static void sync_folder(const char *path)
{
        scoped_free char *folder = file_folder(path);
        scoped(fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                fsync(fd);
}

/* old is NULL for a new file. */
static bool replace_file(const char *path, const struct stat *old, const struct buf *text,
                         struct error *err)
{
        scoped_free char *beside = xasprintf("%s.tka-XXXXXX", path);
        scoped(fd_close) int fd = mkostemp(beside, O_CLOEXEC);

        if (fd < 0)
                return explain(err, path);
        if (fd_write(fd, buf_text(text), text->length) &&
            (old ? keep_owner(fd, old) : fchmod(fd, 0600) == 0) && fsync(fd) == 0 &&
            rename(beside, path) == 0) {
                sync_folder(path);
                return true;
        }
        explain(err, path);
        unlink(beside);
        return false;
}

/* The file itself, links followed; *old stays untouched when there is none yet. */
static bool resolve_path(const char *path, char **whole, struct stat *old, bool *exists,
                         struct error *err)
{
        char real[PATH_MAX];

        if (realpath(path, real)) {
                *exists = true;
                *whole = xstrdup(real);
                return stat(real, old) == 0 || explain(err, path);
        }
        if (errno != ENOENT)
                return explain(err, path);
        if (lstat(path, old) == 0)
                return error_set(err, ERROR_INVALID, "\"%s\" is a link to nowhere", path);

        const char *slash = strrchr(path, '/');
        scoped_free char *folder = file_folder(path);
        if (!realpath(folder, real))
                return explain(err, folder);
        *exists = false;
        *whole = xasprintf("%s/%s", real, slash ? slash + 1 : path);
        return true;
}

static bool change_locked(const char *path, const struct kubeconfig_lock *lock,
                          const struct splice *splice, bool *rewritten, struct error *err)
{
        scoped_free char *whole = NULL;
        scoped(buf_clear) struct buf text = { 0 };
        scoped(buf_clear) struct buf changed = { 0 };
        struct stat old = { 0 };
        bool exists = false;

        if (!resolve_path(path, &whole, &old, &exists, err) || !read_text(path, &text, err))
                return false;
        assert(whole != NULL);
        if (!splice_apply(buf_text(&text), text.length, splice, &changed, rewritten, err))
                return error_wrap(err, "%s", path);
        if (exists && text.length == changed.length &&
            memcmp(text.text, changed.text, text.length) == 0)
                return true;
        if (!replace_file(whole, exists ? &old : NULL, &changed, err))
                return false;
        kubeconfig_lock_linger(lock);
        return true;
}

bool kubeconfig_file_change(const char *path, const struct splice *splice, bool *rewritten,
                            struct error *err)
{
        scoped(kubeconfig_lock_release) struct kubeconfig_lock lock = { 0 };

        return file_make_folder(path, err) && kubeconfig_lock_take(path, &lock, err) &&
               change_locked(path, &lock, splice, rewritten, err);
}
