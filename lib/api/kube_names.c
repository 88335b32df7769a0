#include <stdlib.h>
#include <string.h>

#include "lib/api/kube_private.h"
#include "lib/memory.h"

/* Open addressing with linear probing; an entry is one allocation. */

struct kube_name {
        uint32_t hash;
        uint32_t mark;
        uint32_t name_at, uid_at; /* texts starts with the namespace */
        char texts[];
};

static uint32_t hash_text(uint32_t hash, const char *text)
{
        do /* with its NUL, so that "a","b" is not "ab","" */
                hash = (hash ^ (unsigned char)*text) * 16777619U;
        while (*text++);
        return hash;
}

static uint32_t hash_name(const char *namespace_name, const char *name)
{
        return hash_text(hash_text(2166136261U, namespace_name), name);
}

static bool is_named(const struct kube_name *entry, uint32_t hash, const char *namespace_name,
                     const char *name)
{
        return entry->hash == hash && strcmp(entry->texts, namespace_name) == 0 &&
               strcmp(entry->texts + entry->name_at, name) == 0;
}

static struct kube_name *new_entry(uint32_t hash, const char *namespace_name, const char *name,
                                   const char *uid)
{
        size_t name_at = strlen(namespace_name) + 1;
        size_t uid_at = name_at + strlen(name) + 1;
        size_t length = uid_at + strlen(uid) + 1;
        struct kube_name *entry = xmalloc(sizeof(*entry) + length);

        entry->hash = hash;
        entry->name_at = (uint32_t)name_at;
        entry->uid_at = (uint32_t)uid_at;
        memcpy(entry->texts, namespace_name, name_at);
        memcpy(entry->texts + name_at, name, uid_at - name_at);
        memcpy(entry->texts + uid_at, uid, length - uid_at);
        return entry;
}

/* Its slot, or the free one where it belongs. There is always a free one. */
static struct kube_name **find_slot(const struct kube_names *names, uint32_t hash,
                                    const char *namespace_name, const char *name)
{
        size_t at = hash & (names->capacity - 1);

        while (names->slots[at] && !is_named(names->slots[at], hash, namespace_name, name))
                at = (at + 1) & (names->capacity - 1);
        return &names->slots[at];
}

static void place(struct kube_names *names, struct kube_name *entry)
{
        *find_slot(names, entry->hash, entry->texts, entry->texts + entry->name_at) = entry;
}

static void resize(struct kube_names *names, size_t capacity)
{
        struct kube_name **old = names->slots;
        size_t old_capacity = names->capacity;

        names->slots = (struct kube_name **)xcalloc(capacity, sizeof(struct kube_name *));
        names->capacity = capacity;
        for (size_t i = 0; i < old_capacity; i++)
                if (old[i])
                        place(names, old[i]);
        free((void *)old);
}

void kube_names_put(struct kube_names *names, const char *namespace_name, const char *name,
                    const char *uid, char **replaced)
{
        uint32_t hash = hash_name(namespace_name, name);

        *replaced = NULL;
        if (names->count * 4 >= names->capacity * 3)
                resize(names, names->capacity ? names->capacity * 2 : 16);
        struct kube_name **slot = find_slot(names, hash, namespace_name, name);
        if (!*slot) {
                *slot = new_entry(hash, namespace_name, name, uid);
                names->count++;
        } else if (strcmp((*slot)->texts + (*slot)->uid_at, uid) != 0) {
                *replaced = xstrdup((*slot)->texts + (*slot)->uid_at);
                free(*slot);
                *slot = new_entry(hash, namespace_name, name, uid);
        }
        (*slot)->mark = names->mark;
}

/* The entries behind a freed slot may belong nearer to the front. */
static void empty_slot(struct kube_names *names, size_t at)
{
        free(take(names->slots[at]));
        names->count--;
        for (at = (at + 1) & (names->capacity - 1); names->slots[at];
             at = (at + 1) & (names->capacity - 1))
                place(names, take(names->slots[at]));
}

void kube_names_remove(struct kube_names *names, const char *namespace_name, const char *name)
{
        if (names->count == 0)
                return;
        uint32_t hash = hash_name(namespace_name, name);
        struct kube_name **slot = find_slot(names, hash, namespace_name, name);
        if (*slot)
                empty_slot(names, (size_t)(slot - names->slots));
}

void kube_names_begin(struct kube_names *names)
{
        names->mark++;
}

/* First all that are gone leave the table, then they are told: gone() may look at it. */
void kube_names_sweep(struct kube_names *names,
                      void (*gone)(void *owner, const char *namespace_name, const char *name,
                                   const char *uid),
                      void *owner)
{
        scoped_free struct kube_name **stale =
                (struct kube_name **)xcalloc(names->count, sizeof(struct kube_name *));
        size_t stale_count = 0;

        for (size_t i = 0; i < names->capacity; i++)
                if (names->slots[i] && names->slots[i]->mark != names->mark)
                        stale[stale_count++] = take(names->slots[i]);
        names->count -= stale_count;
        resize(names, names->capacity);
        for (size_t i = 0; i < stale_count; i++) {
                gone(owner, stale[i]->texts, stale[i]->texts + stale[i]->name_at,
                     stale[i]->texts + stale[i]->uid_at);
                free(stale[i]);
        }
}

void kube_names_clear(struct kube_names *names)
{
        for (size_t i = 0; i < names->capacity; i++)
                free(names->slots[i]);
        free((void *)names->slots);
        *names = (struct kube_names){ 0 };
}
