#include "kubectl-tka/local/mark.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/directory.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/memory.h"

#define LIMIT_MARK 4096

static const struct json_field fields[] = {
        { "server",         JSON_KIND_TEXT,    offsetof(struct mark, server),         true,  0 },
        { "cluster",        JSON_KIND_TEXT,    offsetof(struct mark, cluster),        true,  0 },
        { "role",           JSON_KIND_TEXT,    offsetof(struct mark, role),           true,  0 },
        { "signed_out",     JSON_KIND_BOOL,    offsetof(struct mark, signed_out),     true,  0 },
        { "once",           JSON_KIND_BOOL,    offsetof(struct mark, once),           true,  0 },
        { "until",          JSON_KIND_INTEGER, offsetof(struct mark, until),          false, 0 },
        { "period_seconds", JSON_KIND_INTEGER, offsetof(struct mark, period_seconds), false, 0 },
};

void mark_clear(struct mark *mark)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), mark);
}

static char *find_file(const struct cache_key *key)
{
        const char *const parts[] = { key->server, key->cluster, key->role };
        scoped_free char *directory = directory_state();

        return directory == NULL ? NULL
                                 : directory_file(directory, parts, ARRAY_LENGTH(parts), ".json");
}

static bool decode(const struct buf *text, struct mark *mark, struct error *err)
{
        json_auto_t *object = NULL;

        return json_parse_object(text->text, text->length, &object, err) &&
               json_fields_read(object, fields, ARRAY_LENGTH(fields), mark, err);
}

static bool mark_is_for(const struct mark *mark, const struct cache_key *key)
{
        return strcmp(mark->server, key->server) == 0 && strcmp(mark->cluster, key->cluster) == 0 &&
               strcmp(mark->role, key->role) == 0;
}

void mark_read(const struct cache_key *key, struct mark *mark)
{
        scoped_free char *path = find_file(key);
        scoped(buf_clear) struct buf text = { 0 };
        scoped(mark_clear) struct mark found = { 0 };
        struct error err = { 0 };

        if (path == NULL || (access(path, F_OK) != 0 && errno == ENOENT))
                return;
        buf_init(&text, LIMIT_MARK);
        if (!file_read_private(path, &text, &err)) {
                mark->signed_out = err.kind != ERROR_NOT_FOUND;
                return;
        }
        if (!decode(&text, &found, &err)) {
                mark->signed_out = true;
                return;
        }
        if (!mark_is_for(&found, key))
                return;
        *mark = found;
        memset(&found, 0, sizeof(found));
}

bool mark_write(const struct cache_key *key, const struct mark *mark, struct error *err)
{
        scoped_free char *directory = directory_state();
        scoped_free char *path = find_file(key);
        scoped(buf_clear) struct buf text = { 0 };
        scoped(mark_clear) struct mark whole = {
                .server = xstrdup(key->server),
                .cluster = xstrdup(key->cluster),
                .role = xstrdup(key->role),
                .signed_out = mark->signed_out,
                .once = mark->once,
                .until = mark->until,
                .period_seconds = mark->period_seconds,
        };
        json_auto_t *object = json_fields_write(fields, ARRAY_LENGTH(fields), &whole);

        if (path == NULL)
                return error_set(err, ERROR_NOT_FOUND, "no home directory to note the logout in");
        json_print(object, &text);
        return file_make_private_directory(directory, err) &&
               file_write(path, 0600, text.text, text.length, err);
}

bool mark_remove(const struct cache_key *key, struct error *err)
{
        scoped_free char *path = find_file(key);

        if (path != NULL && unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
                return error_set(err, ERROR_INTERNAL, "removing %s: %s", path, strerror(errno));
        return true;
}

char *mark_login_command(const struct cache_key *key)
{
        return xasprintf("kubectl tka login %s%s%s", key->server,
                         key->role[0] != '\0' ? " --role " : "", key->role);
}

bool mark_check(const struct cache_key *key, struct error *err)
{
        scoped(mark_clear) struct mark mark = { 0 };

        if (directory_shell_is_over())
                return error_set(err, ERROR_UNAUTHENTICATED,
                                 "not signed in to %s: the shell that had the session is over",
                                 key->cluster);
        mark_read(key, &mark);
        if (!mark.signed_out)
                return true;

        scoped_free char *command = mark_login_command(key);
        return error_set(err, ERROR_UNAUTHENTICATED, "not signed in to %s: run \"%s\"",
                         key->cluster, command);
}
