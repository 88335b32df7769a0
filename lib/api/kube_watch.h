/* kube_watch.h - keeps somebody told of all objects of a kind: list, watch, and again after a gap.
 *
 * Runs on a fiber of its own. 410 in both forms lists anew and reports what vanished meanwhile;
 * other failures back off, 0.8 s doubling to 5 s with jitter. Bookmarks move the resume point;
 * their absence tells of one who acknowledges and passes nothing on, TCP of a dead connection. */
#pragma once

#include <jansson.h>

#include "lib/error.h"

struct kube;
struct kube_watch;
struct loop;

struct kube_watch_options {
        const char *path;           /* of the collection; borrowed for ever */
        const char *label_selector; /* or NULL */
        const char *field_selector; /* or NULL */
        /* Of the one object that field_selector leaves: it is got, so that the right to list is not
         * needed. NULL: they are listed. */
        const char *object_path;
        void *owner;
        /* Added or modified; borrowed. Must not wait. */
        void (*changed)(void *owner, const json_t *object);
        /* Asked after that: whether its end is of interest, were it missed. NULL: always. */
        bool (*keeps)(void *owner, const char *uid);
        /* Deleted, or missing from a new list. namespace is "" for cluster-scoped objects. */
        void (*deleted)(void *owner, const char *namespace_name, const char *name, const char *uid);
        /* After every complete list; or NULL. */
        void (*synced)(void *owner);
        /* For the log: what went wrong and will be tried again; or NULL. */
        void (*failed)(void *owner, const struct error *err);
};

struct kube_watch *kube_watch_start(struct loop *loop, struct kube *kube,
                                    const struct kube_watch_options *options);
/* Nothing is told any more. To be stopped before its kube is freed. */
void kube_watch_stop(struct kube_watch *watch);
/* Listed once, and the watch is open or was within the last 30 s. */
bool kube_watch_is_synced(const struct kube_watch *watch);
/* How often the watch was begun again, for the metric. */
int64_t kube_watch_restarts(const struct kube_watch *watch);
