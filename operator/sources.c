#include "operator/sources.h"

#include <stdlib.h>

#include "lib/api/kube.h"
#include "lib/api/kube_watch.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "operator/measures.h"
#include "operator/store.h"

#define COUNT (DEPENDENT_KINDS + 1)

struct source {
        struct sources *all;
        bool is_signins;
        enum dependent_kind kind;
        const char *name;
        char *path;
        struct kube_watch *watch;
        bool listed;
        struct error trouble; /* since the last complete list */
};

struct sources {
        struct program *program;
        struct source items[COUNT];
        void (*listed)(void *owner, bool all);
        void *owner;
};

static void object_changed(void *owner, const json_t *object)
{
        struct source *source = owner;
        struct store *store = source->all->program->store;
        struct error err = { 0 };

        if (source->is_signins ? !store_put_signin(store, object, &err)
                               : !store_put_dependent(store, source->kind, object, &err))
                log_event(LOG_LEVEL_WARN, "an object that cannot be read is left alone", "resource",
                          source->name, "error", err.text, NULL);
}

static void object_deleted(void *owner, const char *namespace_name, const char *name,
                           const char *uid)
{
        struct source *source = owner;
        struct store *store = source->all->program->store;

        (void)namespace_name;
        (void)name;
        if (source->is_signins)
                store_drop_signin(store, uid);
        else
                store_drop_dependent(store, uid);
}

static bool keeps_object(void *owner, const char *uid)
{
        const struct source *source = owner;

        return source->is_signins || store_has_dependent(source->all->program->store, uid);
}

static bool are_all_listed(const struct sources *sources)
{
        for (size_t i = 0; i < COUNT; i++)
                if (!sources->items[i].listed)
                        return false;
        return true;
}

static void source_listed(void *owner)
{
        struct source *source = owner;
        struct sources *sources = source->all;
        bool all = false;

        source->listed = true;
        source->trouble = (struct error){ 0 };
        all = are_all_listed(sources);
        if (all || source->is_signins)
                sources->listed(sources->owner, all);
}

static void source_failed(void *owner, const struct error *err)
{
        struct source *source = owner;

        source->trouble = *err;
        log_event(LOG_LEVEL_WARN, "the API server's objects cannot be followed, trying again",
                  "resource", source->name, "error", err->text, NULL);
}

static void start(struct source *source)
{
        struct program *program = source->all->program;
        const struct kube_watch_options options = {
                .path = source->path,
                .label_selector = source->is_signins ? NULL : SIGNIN_UID_LABEL,
                .owner = source,
                .changed = object_changed,
                .keeps = keeps_object,
                .deleted = object_deleted,
                .synced = source_listed,
                .failed = source_failed,
        };

        source->watch = kube_watch_start(program->loop, program->kube, &options);
}

static void init(struct sources *sources, size_t index)
{
        struct source *source = &sources->items[index];
        const char *session_namespace = sources->program->session_namespace;

        source->all = sources;
        source->is_signins = index == DEPENDENT_KINDS;
        if (source->is_signins) {
                source->name = signin_resource()->plural;
                source->path = kube_path(signin_resource(), session_namespace, NULL, NULL);
                return;
        }
        source->kind = (enum dependent_kind)index;
        source->name = dependent_resource(source->kind)->plural;
        source->path = dependent_path(
                source->kind, source->kind == DEPENDENT_SERVICE_ACCOUNT ? session_namespace : NULL,
                NULL);
}

struct sources *sources_start(struct program *program, void (*listed)(void *owner, bool all),
                              void *owner)
{
        struct sources *sources = xcalloc(1, sizeof(*sources));

        sources->program = program;
        sources->listed = listed;
        sources->owner = owner;
        for (size_t i = 0; i < COUNT; i++)
                init(sources, i);
        for (size_t i = 0; i < COUNT; i++)
                start(&sources->items[i]);
        return sources;
}

void sources_stop(struct sources *sources)
{
        for (size_t i = 0; i < COUNT; i++) {
                kube_watch_stop(sources->items[i].watch);
                sources->items[i].watch = NULL;
        }
}

void sources_free(struct sources *sources)
{
        if (sources == NULL)
                return;
        for (size_t i = 0; i < COUNT; i++)
                free(sources->items[i].path);
        free(sources);
}

bool sources_check(const struct sources *sources, struct error *err)
{
        for (size_t i = 0; i < COUNT; i++) {
                const struct source *source = &sources->items[i];

                if (source->watch != NULL && kube_watch_is_synced(source->watch))
                        continue;
                if (source->trouble.text[0] != '\0')
                        return error_set(err, ERROR_UNAVAILABLE, "%s", source->trouble.text);
                return error_set(err, ERROR_UNAVAILABLE, "%s are not listed yet", source->name);
        }
        return true;
}

void sources_measure(const struct sources *sources, struct metrics *metrics)
{
        for (size_t i = 0; i < COUNT; i++)
                if (sources->items[i].watch != NULL)
                        metrics_set(metrics, MEASURE_WATCH_RESTARTS,
                                    (const char *[]){ sources->items[i].name },
                                    (double)kube_watch_restarts(sources->items[i].watch));
}
