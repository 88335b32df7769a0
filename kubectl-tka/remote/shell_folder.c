#include "kubectl-tka/remote/shell_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/waiting.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/memory.h"

#define LOCK_FILE "lock"
#define SESSION_FILE "session.json"
#define LIMIT_SESSION 8192
#define TRIED_FILE "tried"
#define YOUNG_SECONDS 60
#define TURN_MS 10000

static const struct json_field fields[] = {
        { "server",  JSON_KIND_TEXT,    offsetof(struct shell_session, server),  true, 0 },
        { "cluster", JSON_KIND_TEXT,    offsetof(struct shell_session, cluster), true, 0 },
        { "role",    JSON_KIND_TEXT,    offsetof(struct shell_session, role),    true, 0 },
        { "until",   JSON_KIND_INTEGER, offsetof(struct shell_session, until),   true, 0 },
};

void shell_session_clear(struct shell_session *session)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), session);
}

void shell_folder_clear(struct shell_folder *folder)
{
        if (folder->path)
                close(folder->lock);
        free(folder->path);
        *folder = (struct shell_folder){ 0 };
}

static int open_lock(const char *folder, int flags)
{
        scoped_free char *path = xasprintf("%s/" LOCK_FILE, folder);

        return open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

bool shell_folder_make(struct shell_folder *folder, struct error *err)
{
        scoped_free char *shells = directory_shells();

        if (!shells)
                return error_set(err, ERROR_INVALID,
                                 "no place for a private kubeconfig: neither XDG_RUNTIME_DIR nor "
                                 "HOME is set");
        if (!file_make_private_directory(shells, err))
                return false;
        scoped_free char *path = xasprintf("%s/XXXXXX", shells);
        if (!mkdtemp(path))
                return error_set(err, ERROR_INTERNAL, "making \"%s\": %s", path, strerror(errno));
        int lock = open_lock(path, O_CREAT);
        if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
                error_set(err, ERROR_INTERNAL, "locking \"%s\": %s", path, strerror(errno));
                if (lock >= 0)
                        close(lock);
                return false;
        }
        *folder = (struct shell_folder){ .path = take(path), .lock = lock };
        return true;
}

bool shell_folder_write(const struct shell_folder *folder, const char *name, const struct buf *text,
                        struct error *err)
{
        scoped_free char *path = xasprintf("%s/%s", folder->path, name);

        return file_write(path, 0600, buf_text(text), text->length, err);
}

bool shell_folder_note(const struct shell_folder *folder, const struct shell_session *session,
                       struct error *err)
{
        json_auto_t *object = json_fields_write(fields, ARRAY_LENGTH(fields), session);
        scoped(buf_clear) struct buf text = { 0 };

        json_print(object, &text);
        return shell_folder_write(folder, SESSION_FILE, &text, err);
}

static bool read_session(const char *folder, struct shell_session *session)
{
        scoped_free char *path = xasprintf("%s/" SESSION_FILE, folder);
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *object = NULL;
        struct error err = { 0 };

        buf_init(&text, LIMIT_SESSION);
        return file_read_private(path, &text, &err) &&
               json_parse_object(buf_text(&text), text.length, &object, &err) &&
               json_fields_read(object, fields, ARRAY_LENGTH(fields), session, &err);
}

bool shell_folder_session(const struct shell_folder *folder, struct shell_session *session)
{
        return read_session(folder->path, session);
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *at)
{
        (void)found;
        (void)type;
        (void)at;
        return remove(path) != 0 && errno != ENOENT;
}

/* The folder itself, its lock and its note stay. */
static int remove_one_more(const char *path, const struct stat *found, int type, struct FTW *at)
{
        const char *name = path + at->base;
        bool stays = at->level == 0 || (at->level == 1 && (strcmp(name, LOCK_FILE) == 0 ||
                                                           strcmp(name, SESSION_FILE) == 0));

        return stays ? 0 : remove_one(path, found, type, at);
}

void shell_folder_strip(const struct shell_folder *folder)
{
        nftw(folder->path, remove_one_more, 8, FTW_DEPTH | FTW_PHYS);
}

void shell_folder_remove(const struct shell_folder *folder)
{
        nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Walks the folders; visit ends the walk by returning true. */
static bool visit_folders(bool (*visit)(const char *path, void *argument), void *argument)
{
        scoped_free char *shells = directory_shells();
        DIR *directory = shells ? opendir(shells) : NULL;
        bool ended = false;

        for (const struct dirent *entry = NULL;
             directory && !ended && (entry = readdir(directory)) != NULL;) {
                scoped_free char *path = xasprintf("%s/%s", shells, entry->d_name);
                ended = entry->d_name[0] != '.' && visit(path, argument);
        }
        if (directory)
                closedir(directory);
        return ended;
}

struct search {
        size_t to_skip;
        struct shell_folder found;
};

/* Also of what is not there; but not for ever of what a clock that was ahead has dated. */
static bool is_young(const char *path)
{
        struct stat found = { 0 };

        return stat(path, &found) != 0 || llabs(time(NULL) - found.st_mtime) < YOUNG_SECONDS;
}

static bool take_dead(const char *path, void *argument)
{
        struct search *search = argument;
        int lock = open_lock(path, 0);

        /* Without a lock it may still be in the making. */
        if (lock < 0 && errno == ENOENT && !is_young(path))
                lock = open_lock(path, O_CREAT);
        if (lock < 0)
                return false;
        bool dead = flock(lock, LOCK_EX | LOCK_NB) == 0;
        if (!dead || search->to_skip > 0) {
                search->to_skip -= dead;
                close(lock);
                return false;
        }
        search->found = (struct shell_folder){ .path = xstrdup(path), .lock = lock };
        return true;
}

bool shell_folder_find_dead(size_t skipped, struct shell_folder *folder)
{
        struct search search = { .to_skip = skipped };

        if (!visit_folders(take_dead, &search))
                return false;
        *folder = search.found;
        return true;
}

static bool is_alive(const char *path)
{
        int lock = open_lock(path, 0);
        bool alive = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0;

        if (lock >= 0)
                close(lock);
        return alive;
}

void shell_folder_note_try(const struct shell_folder *folder)
{
        const struct buf nothing = { 0 };
        struct error ignored = { 0 };
        bool done = shell_folder_write(folder, TRIED_FILE, &nothing, &ignored);

        (void)done; /* it is tried sooner then */
}

bool shell_folder_was_tried(const struct shell_folder *folder)
{
        scoped_free char *path = xasprintf("%s/" TRIED_FILE, folder->path);

        return access(path, F_OK) == 0 && is_young(path);
}

struct use {
        const char *own;
        const struct shell_session *session;
};

static bool is_use(const char *path, void *argument)
{
        const struct use *use = argument;
        scoped(shell_session_clear) struct shell_session found = { 0 };

        return strcmp(path, use->own) != 0 && read_session(path, &found) &&
               strcmp(found.server, use->session->server) == 0 &&
               strcmp(found.role, use->session->role) == 0 && is_alive(path);
}

bool shell_folder_is_used(const struct shell_folder *own, const struct shell_session *session)
{
        struct use use = { own->path, session };

        return visit_folders(is_use, &use);
}

static void take_turn(int lock)
{
        if (fd_lock(lock, WAITING_PATIENCE_MS) || errno != EWOULDBLOCK)
                return;
        waiting_tell("another shell of kubectl-tka, which is ending");
        fd_lock(lock, TURN_MS - WAITING_PATIENCE_MS);
}

int shell_folder_take_turn(void)
{
        scoped_free char *shells = directory_shells();
        scoped_free char *path = shells ? xasprintf("%s/.turn", shells) : NULL;
        int lock = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;

        if (lock >= 0)
                take_turn(lock);
        return lock;
}
