#include "kubectl-tka/local/known.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/local/directory.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/memory.h"

#define LIMIT_KNOWN_FILE (256 * 1024UL)
#define LIMIT_KNOWN_ROLES 64
#define KNOWN_MAX 512
#define LOCK_MS 2000

#define AT(member) offsetof(struct known, member)

static const struct json_field fields[] = {
        { "context", JSON_KIND_TEXT,      AT(context), true,  0                 },
        { "server",  JSON_KIND_TEXT,      AT(server),  true,  0                 },
        { "ca_hash", JSON_KIND_TEXT,      AT(ca_hash), true,  0                 },
        { "cluster", JSON_KIND_TEXT,      AT(cluster), true,  0                 },
        { "role",    JSON_KIND_TEXT,      AT(role),    true,  0                 },
        { "roles",   JSON_KIND_TEXT_LIST, AT(roles),   false, LIMIT_KNOWN_ROLES },
};

void known_list_clear(struct known_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                json_fields_clear(fields, ARRAY_LENGTH(fields), &list->items[i]);
        free(list->items);
        *list = (struct known_list){ 0 };
}

static struct known *add(struct known_list *list)
{
        list->items = xrealloc(list->items, (list->count + 1) * sizeof(list->items[0]));
        list->items[list->count] = (struct known){ 0 };
        return &list->items[list->count++];
}

static char *find_file(const char *suffix)
{
        scoped_free char *directory = directory_state();

        return directory ? xasprintf("%s/known%s", directory, suffix) : NULL;
}

static void decode(const json_t *array, struct known_list *list)
{
        size_t index = 0;
        const json_t *item = NULL;
        struct error ignored = { 0 };

        json_array_foreach(array, index, item)
        {
                if (list->count >= KNOWN_MAX)
                        break;
                if (!json_fields_read(item, fields, ARRAY_LENGTH(fields), add(list), &ignored))
                        list->count--;
        }
}

void known_list_read(struct known_list *list)
{
        scoped_free char *path = find_file(".json");
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *array = NULL;
        struct error ignored = { 0 };

        buf_init(&text, LIMIT_KNOWN_FILE);
        if (path && file_read_private(path, &text, &ignored) &&
            json_parse(buf_text(&text), text.length, &array, &ignored))
                decode(array, list);
}

const struct known *known_find(const struct known_list *list, const char *context)
{
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(list->items[i].context, context) == 0)
                        return &list->items[i];
        return NULL;
}

struct cache_key known_key(const struct known *known)
{
        return (struct cache_key){ .server = known->server,
                                   .ca_hash = known->ca_hash,
                                   .cluster = known->cluster,
                                   .role = known->role };
}

/* Waits for its turn; goes on without where that takes long, or locks do not work. */
static int lock(void)
{
        scoped_free char *path = find_file(".lock");
        int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;

        if (fd >= 0)
                fd_lock(fd, LOCK_MS);
        return fd;
}

static bool write_list(const struct known_list *list, struct error *err)
{
        scoped_free char *path = find_file(".json");
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *array = json_array();

        for (size_t i = 0; i < list->count; i++)
                json_array_append_new(
                        array, json_fields_write(fields, ARRAY_LENGTH(fields), &list->items[i]));
        json_print(array, &text);
        return file_write(path, 0600, text.text, text.length, err);
}

static bool make_folder(struct error *err)
{
        scoped_free char *directory = directory_state();

        if (!directory)
                return error_set(err, ERROR_NOT_FOUND, "no home directory to note clusters in");
        return file_make_private_directory(directory, err);
}

/* The list as it is, and stays until fd is closed. */
static bool begin_change(struct known_list *list, int *fd, struct error *err)
{
        if (!make_folder(err))
                return false;
        *fd = lock();
        known_list_read(list);
        return true;
}

/* Takes it out of the list, into *known. */
static bool remove_one(struct known_list *list, const char *context, struct known *known)
{
        const struct known *found = known_find(list, context);

        if (!found)
                return false;
        *known = *found;
        list->items[found - list->items] = list->items[--list->count];
        return true;
}

static void clear_one(struct known *known)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), known);
}

static void add_roles(struct text_list *roles, const struct text_list *others)
{
        for (size_t i = 0; i < others->count && roles->count < LIMIT_KNOWN_ROLES; i++)
                if (!text_list_has(roles, others->items[i]))
                        text_list_add(roles, others->items[i]);
}

static bool says_the_same(const struct known *known, const struct cache_key *key, const char *role)
{
        const struct cache_key own = known_key(known);

        return cache_key_equals(&own, key) && (!role || text_list_has(&known->roles, role));
}

bool known_put(const char *context, const struct cache_key *key, const char *role,
               struct error *err)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        scoped(clear_one) struct known old = { 0 };
        scoped(fd_close) int fd = -1;

        if (!begin_change(&list, &fd, err))
                return false;
        if (remove_one(&list, context, &old) && says_the_same(&old, key, role))
                return true;

        struct known *known = add(&list);
        *known = (struct known){ .context = xstrdup(context),
                                 .server = xstrdup(key->server),
                                 .ca_hash = xstrdup(key->ca_hash),
                                 .cluster = xstrdup(key->cluster),
                                 .role = xstrdup(key->role) };
        if (role)
                text_list_add(&known->roles, role);
        add_roles(&known->roles, &old.roles);
        return write_list(&list, err);
}

bool known_remove(const char *context, struct error *err)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        scoped(clear_one) struct known old = { 0 };
        scoped(fd_close) int fd = -1;

        if (!begin_change(&list, &fd, err))
                return false;
        return !remove_one(&list, context, &old) || write_list(&list, err);
}

bool known_set_roles(const char *server, const struct text_list *roles, struct error *err)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        scoped(fd_close) int fd = -1;
        bool changed = false;

        if (!begin_change(&list, &fd, err))
                return false;
        for (size_t i = 0; i < list.count; i++) {
                if (strcmp(list.items[i].server, server) != 0)
                        continue;
                text_list_clear(&list.items[i].roles);
                add_roles(&list.items[i].roles, roles);
                changed = true;
        }
        return !changed || write_list(&list, err);
}
