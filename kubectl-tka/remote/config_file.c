#include "kubectl-tka/remote/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kubectl-tka/kubeconfig/layout.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/yaml.h"

#define LOCK_MS 10000

/* The key as the file spells it already, so that it never stands there twice; the caller's. */
static char *spell(json_t *object, const char *key)
{
        const char *dot = strchr(key, '.');
        const char *whole = json_find_member(object, key);

        if (whole || !dot)
                return xstrdup(whole ? whole : key);
        scoped_free char *head = xstrndup(key, (size_t)(dot - key));
        const char *section = json_find_member(object, head);
        scoped_free char *rest = spell(section ? json_object_get(object, section) : NULL, dot + 1);
        return xasprintf("%s.%s", section ? section : head, rest);
}

/* What reading the changed text has to give: the key where it stands, else in nested sections. */
static bool put(json_t *object, const char *key, const json_t *value, struct error *err)
{
        while (!json_object_get(object, key) && strchr(key, '.')) {
                const char *dot = strchr(key, '.');
                scoped_free char *head = xstrndup(key, (size_t)(dot - key));
                json_t *section = json_object_get(object, head);
                if (!section || json_is_null(section)) {
                        json_object_set_new(object, head, json_object());
                        section = json_object_get(object, head);
                }
                if (!json_is_object(section))
                        return error_set(err, ERROR_INVALID, "\"%s\" must hold keys of its own",
                                         head);
                object = section;
                key = dot + 1;
        }
        json_object_set_new(object, key, json_deep_copy(value));
        return true;
}

bool config_file_edit(const struct buf *text, const char *key, const json_t *value,
                      struct buf *changed, bool *rewritten, struct error *err)
{
        json_auto_t *root = NULL;
        scoped(buf_clear) struct buf result = { 0 };

        if (!yaml_parse(buf_text(text), text->length, &root, err))
                return false;
        if (!json_is_object(root))
                return error_set(err, ERROR_INVALID, "keys and values are expected");
        scoped_free char *spelled = spell(root, key);
        if (!put(root, spelled, value, err))
                return false;
        buf_append(&result, buf_text(text), text->length);
        bool kept = layout_put_value(&result, spelled, value);
        if (!layout_settle(&result, kept, root, rewritten, err))
                return false;
        buf_append(changed, buf_text(&result), result.length);
        return true;
}

/* One at a time, by a lock on the folder: the file itself is replaced. Where locks do not work it
 * goes without. */
static bool lock_folder(const char *path, int *lock, struct error *err)
{
        scoped_free char *folder = file_folder(path);

        *lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *lock < 0 || fd_lock(*lock, LOCK_MS) || errno != EWOULDBLOCK ||
               error_set(err, ERROR_CONFLICT, "%s: another program has been changing it for %d s",
                         path, LOCK_MS / 1000);
}

bool config_file_set(const char *path, const char *key, const json_t *value, bool *rewritten,
                     struct error *err)
{
        char real[PATH_MAX];
        const char *whole = realpath(path, real) ? real : path;
        scoped(buf_clear) struct buf text = { 0 };
        scoped(buf_clear) struct buf changed = { 0 };
        struct stat old = { .st_mode = 0600 };
        scoped(fd_close) int lock = -1;

        if (!file_make_folder(whole, err) || !lock_folder(whole, &lock, err))
                return false;
        buf_init(&text, LIMIT_CONFIG_FILE);
        if (!file_read(whole, &text, err) && err->kind != ERROR_NOT_FOUND)
                return false;
        stat(whole, &old);
        return (config_file_edit(&text, key, value, &changed, rewritten, err) ||
                error_wrap(err, "%s", path)) &&
               file_write(whole, old.st_mode & 07777, buf_text(&changed), changed.length, err);
}
