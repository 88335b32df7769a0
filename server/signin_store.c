#include "server/signin_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/kube_watch.h"
#include "lib/fiber.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "schema/limits.h"
#include "server/signin_store_private.h"

#define UNSEEN_MS 30000

/* Where name is, or where it would stand. */
static size_t find_place(const struct signin_store *store, const char *name, bool *found)
{
        size_t low = 0, high = store->count;

        *found = false;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(store->entries[middle].signin.name, name);

                *found = *found || order == 0;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void wake_waiters(struct signin_store *store, const char *name)
{
        for (struct waiter *waiter = store->waiters; waiter != NULL; waiter = waiter->next)
                if (strcmp(waiter->name, name) == 0)
                        wait_wake(&waiter->wait);
}

static bool is_gone(const struct signin_store *store, const char *uid)
{
        for (size_t i = 0; i < GONE_COUNT; i++)
                if (store->gone[i] != NULL && strcmp(store->gone[i], uid) == 0)
                        return true;
        return false;
}

static void remember_gone(struct signin_store *store, const char *uid)
{
        if (is_gone(store, uid))
                return;
        free(store->gone[store->gone_next]);
        store->gone[store->gone_next] = xstrdup(uid);
        store->gone_next = (store->gone_next + 1) % GONE_COUNT;
}

static struct entry *insert_entry(struct signin_store *store, size_t place)
{
        if (store->count == store->capacity) {
                store->capacity = store->capacity == 0 ? 16 : store->capacity * 2;
                store->entries =
                        xrealloc(store->entries, store->capacity * sizeof(*store->entries));
        }
        assert(store->entries != NULL);
        memmove(&store->entries[place + 1], &store->entries[place],
                (store->count - place) * sizeof(*store->entries));
        store->entries[place] = (struct entry){ 0 };
        store->count++;
        return &store->entries[place];
}

static void remove_entry(struct signin_store *store, size_t place)
{
        scoped(signin_clear) struct signin signin = store->entries[place].signin;

        store->count--;
        memmove(&store->entries[place], &store->entries[place + 1],
                (store->count - place) * sizeof(*store->entries));
        wake_waiters(store, signin.name);
}

void signin_store_accept(struct signin_store *store, struct signin *signin, bool seen)
{
        bool found = false;
        size_t place = find_place(store, signin->name, &found);
        struct entry *entry = found ? &store->entries[place] : NULL;

        if (is_gone(store, signin->uid))
                return;
        if (entry != NULL && strcmp(entry->signin.uid, signin->uid) == 0)
                seen = seen || entry->seen;
        if (entry != NULL &&
            kube_version_is_older(signin->resource_version, entry->signin.resource_version)) {
                entry->seen = entry->seen || seen;
                return;
        }
        if (entry == NULL)
                entry = insert_entry(store, place);
        signin_clear(&entry->signin);
        entry->signin = *signin;
        *signin = (struct signin){ 0 };
        entry->seen = seen;
        entry->written_at_ms = loop_now_ms();
        wake_waiters(store, entry->signin.name);
}

void signin_store_forget(struct signin_store *store, const char *name, const char *uid)
{
        bool found = false;
        size_t place = find_place(store, name, &found);

        remember_gone(store, uid);
        if (found && strcmp(store->entries[place].signin.uid, uid) == 0)
                remove_entry(store, place);
}

bool signin_store_read(const json_t *object, struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin read = { 0 };

        if (!signin_decode(object, &read, err) && !signin_decode_owner(object, &read, err))
                return false;
        if (read.uid == NULL || read.resource_version == NULL)
                return error_set(err, ERROR_INVALID,
                                 "TkaSignin %s: it has no uid, or no resourceVersion", read.name);
        signin_clear(signin);
        *signin = read;
        read = (struct signin){ 0 };
        return true;
}

static void accept_change(void *owner, const json_t *object)
{
        struct signin_store *store = owner;
        scoped(signin_clear) struct signin signin = { 0 };
        struct error err = { 0 };
        bool known = signin_store_read(object, &signin, &err);

        if (!known || signin.spec.validity_period == NULL)
                log_event(LOG_LEVEL_WARN, "a TkaSignin cannot be read", "error", err.text, NULL);
        if (known)
                signin_store_accept(store, &signin, true);
}

static void accept_deletion(void *owner, const char *namespace_name, const char *name,
                            const char *uid)
{
        (void)namespace_name;
        signin_store_forget(owner, name, uid);
}

/* What we wrote a while ago and no list or event has shown since was deleted unseen. */
static void drop_unseen(struct signin_store *store)
{
        for (size_t i = store->count; i > 0; i--)
                if (!store->entries[i - 1].seen &&
                    store->entries[i - 1].written_at_ms + UNSEEN_MS < loop_now_ms())
                        remove_entry(store, i - 1);
}

static void note_synced(void *owner)
{
        struct signin_store *store = owner;

        drop_unseen(store);
        store->trouble[0] = '\0';
        log_event(LOG_LEVEL_DEBUG, "the sessions were listed", NULL);
}

static void note_failure(void *owner, const struct error *err)
{
        struct signin_store *store = owner;
        const char *hint = err->kind == ERROR_NOT_FOUND
                                   ? "no TkaSignins (" SIGNIN_API_VERSION
                                     ") in this API server, is the CRD installed? "
                                   : "";

        snprintf(store->trouble, sizeof(store->trouble), "%s%s", hint, err->text);
        log_event(LOG_LEVEL_WARN, "watching the sessions, trying again", "error", store->trouble,
                  NULL);
}

struct signin_store *signin_store_new(struct loop *loop, struct kube *kube,
                                      const char *namespace_name)
{
        struct signin_store *store = xcalloc(1, sizeof(*store));

        store->loop = loop;
        store->kube = kube;
        store->namespace_name = xstrdup(namespace_name);
        store->path = kube_path(signin_resource(), namespace_name, NULL, NULL);
        snprintf(store->trouble, sizeof(store->trouble), "the sessions were not listed yet");

        const struct kube_watch_options options = {
                .path = store->path,
                .owner = store,
                .changed = accept_change,
                .deleted = accept_deletion,
                .synced = note_synced,
                .failed = note_failure,
        };
        store->watch = kube_watch_start(loop, kube, &options);
        return store;
}

void signin_store_free(struct signin_store *store)
{
        if (store == NULL)
                return;
        kube_watch_stop(store->watch);
        for (size_t i = 0; i < store->count; i++)
                signin_clear(&store->entries[i].signin);
        for (size_t i = 0; i < GONE_COUNT; i++)
                free(store->gone[i]);
        free(store->entries);
        free(store->namespace_name);
        free(store->path);
        free(store);
}

bool signin_store_is_synced(const struct signin_store *store)
{
        return kube_watch_is_synced(store->watch);
}

const char *signin_store_trouble(const struct signin_store *store)
{
        if (signin_store_is_synced(store))
                return "";
        return store->trouble[0] != '\0' ? store->trouble : "the watch was interrupted";
}

int64_t signin_store_restarts(const struct signin_store *store)
{
        return kube_watch_restarts(store->watch);
}

bool signin_store_check(const struct signin_store *store, struct error *err)
{
        if (signin_store_is_synced(store))
                return true;
        return error_set(err, ERROR_UNAVAILABLE, "the cluster's API server cannot be reached now");
}

const struct signin *signin_store_find(const struct signin_store *store, const char *name)
{
        bool found = false;
        size_t place = find_place(store, name, &found);

        return found ? &store->entries[place].signin : NULL;
}

size_t signin_store_count(const struct signin_store *store)
{
        return store->count;
}

const struct signin *signin_store_at(const struct signin_store *store, size_t index)
{
        assert(index < store->count);
        return &store->entries[index].signin;
}

static void leave(struct signin_store *store, const struct waiter *waiter)
{
        struct waiter **link = &store->waiters;

        while (*link != waiter)
                link = &(*link)->next;
        *link = waiter->next;
        store->waiter_count--;
}

bool signin_store_admits(const struct signin_store *store, struct error *err)
{
        return store->waiter_count < LIMIT_WAITERS ||
               error_set(err, ERROR_UNAVAILABLE, "too many requests wait already");
}

bool signin_store_wait(struct signin_store *store, const char *name, int64_t deadline_ms,
                       struct error *err)
{
        struct waiter waiter = { .next = store->waiters, .name = name };
        int64_t left_ms =
                (store->end_ms != 0 && store->end_ms < deadline_ms ? store->end_ms : deadline_ms) -
                loop_now_ms();

        store->waiters = &waiter;
        store->waiter_count++;
        bool changed = wait_for(store->loop, &waiter.wait, left_ms > 0 ? left_ms : 0, err);
        leave(store, &waiter);
        return changed;
}

void signin_store_end_waits(struct signin_store *store, int64_t deadline_ms)
{
        store->end_ms = deadline_ms;
        for (struct waiter *waiter = store->waiters; waiter != NULL; waiter = waiter->next)
                wait_wake(&waiter->wait);
}

bool signin_store_wait_gone(struct signin_store *store, const char *name, const char *uid,
                            int64_t deadline_ms, struct error *err)
{
        for (;;) {
                const struct signin *found = signin_store_find(store, name);

                if (found == NULL || strcmp(found->uid, uid) != 0)
                        return true;
                if (!signin_store_wait(store, name, deadline_ms, err))
                        return false;
        }
}
