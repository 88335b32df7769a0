#include "lib/api/kube_watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/api/kube_private.h"
#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define LEAST_SECONDS 300 /* of one watch, at random, so that not all end at once */
#define MOST_SECONDS 600
#define GRACE_MS 30000 /* after which a watch that should have ended is dead */
#define SYNCED_MS 30000
#define FROM_WHAT_IS_THERE "0" /* a resourceVersion */
#define CALM_MS 120000         /* without failure, and the delays begin anew */

struct kube_watch {
        struct loop *loop;
        struct kube *kube;
        struct kube_watch_options options;
        struct kube_watch_pace pace;
        struct fiber *fiber;
        struct kube_names names;
        char *version; /* the resourceVersion to go on from, NULL: list first */
        bool listed, open, stopped;
        bool expired;    /* and no event since */
        bool whole_list; /* not in pages: a page came too late */
        int64_t open_until_ms, failed_at_ms, delay_ms;
        int64_t begun;
        size_t events; /* of the watch under way */
};

/* How a watch, or a list, came to its end. */
enum ending {
        ENDING_NORMAL,
        ENDING_EXPIRED, /* 410: the API server has forgotten where we were */
        ENDING_FAILED,
};

static void scoped_stream_free(struct http_stream **stream)
{
        http_stream_free(*stream);
}

static int64_t pick(int64_t least, int64_t most)
{
        uint32_t random = 0;

        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
                random = (uint32_t)loop_now_ms();
        return least + (int64_t)(random % (uint64_t)(most - least + 1));
}

static void tell_failure(struct kube_watch *watch, const struct error *err)
{
        if (watch->options.failed && !watch->stopped)
                watch->options.failed(watch->options.owner, err);
}

/* Another uid under a known name: the old object's end was missed. One whose name nobody could ask
 * for is nobody's, and keeps us from none of the others. */
static bool take_object(struct kube_watch *watch, const json_t *object, struct error *err)
{
        const char *namespace_name, *name, *uid;
        scoped_free char *replaced = NULL;

        if (!kube_event_identify(object, &namespace_name, &name, &uid, err))
                return false;
        if (*name == '\0')
                return true;
        kube_names_put(&watch->names, namespace_name, name, uid, &replaced);
        if (replaced)
                watch->options.deleted(watch->options.owner, namespace_name, name, replaced);
        if (watch->stopped)
                return true;
        watch->options.changed(watch->options.owner, object);
        if (watch->options.keeps && !watch->options.keeps(watch->options.owner, uid))
                kube_names_remove(&watch->names, namespace_name, name);
        return true;
}

static void drop_object(struct kube_watch *watch, const struct kube_event *event)
{
        if (*event->name == '\0')
                return;
        kube_names_remove(&watch->names, event->namespace_name, event->name);
        watch->options.deleted(watch->options.owner, event->namespace_name, event->name,
                               event->uid);
}

static void tell_gone(void *owner, const char *namespace_name, const char *name, const char *uid)
{
        struct kube_watch *watch = owner;

        if (!watch->stopped)
                watch->options.deleted(watch->options.owner, namespace_name, name, uid);
}

static void add_selectors(const struct kube_watch *watch, struct buf *path)
{
        kube_path_add_parameter(path, "labelSelector", watch->options.label_selector);
        kube_path_add_parameter(path, "fieldSelector", watch->options.field_selector);
}

static bool get_page(struct kube_watch *watch, const char *path, int *most, json_t **list,
                     struct error *err)
{
        return watch->whole_list ? kube_get(watch->kube, path, list, err)
                                 : kube_get_page_that_fits(watch->kube, path, most, list, err);
}

/* One page: its objects are told at once, none is kept. "" in *next at the last one. */
static bool list_page(struct kube_watch *watch, int *most, char **next, char **version,
                      struct error *err)
{
        scoped(buf_clear) struct buf path = { 0 };
        json_auto_t *list = NULL;
        const json_t *object;
        size_t i;

        if (*most > watch->pace.page)
                *most = watch->pace.page;
        buf_add(&path, watch->options.path);
        add_selectors(watch, &path);
        kube_path_add_parameter(&path, "continue", *next);
        if (!get_page(watch, buf_text(&path), most, &list, err))
                return false;
        const char *listed_version = json_text_at(list, "metadata.resourceVersion");
        const char *rest = json_text_at(list, "metadata.continue");
        const json_t *items = json_at(list, "items");
        if (!listed_version || !*listed_version || !(json_is_array(items) || !items))
                return error_set(err, ERROR_UNAVAILABLE, "listing %s: the answer is no list",
                                 watch->options.path);
        json_array_foreach(items, i, object)
        {
                if (watch->stopped)
                        return false;
                if (!take_object(watch, object, err))
                        return error_wrap(err, "listing %s", watch->options.path);
        }
        free(*next);
        free(*version);
        *next = xstrdup(rest ? rest : "");
        *version = xstrdup(listed_version);
        return true;
}

/* All there was to tell has been told. */
static enum ending finish_list(struct kube_watch *watch, char *version)
{
        scoped_free char *listed_version = version;

        if (watch->stopped)
                return ENDING_NORMAL;
        kube_names_sweep(&watch->names, tell_gone, watch);
        watch->version = take(listed_version);
        watch->listed = true;
        watch->whole_list = false;
        if (watch->options.synced && !watch->stopped)
                watch->options.synced(watch->options.owner);
        return ENDING_NORMAL;
}

/* Its own version may be forgotten long since: the watch begins with what is there. */
static enum ending get_object(struct kube_watch *watch, struct error *err)
{
        json_auto_t *object = NULL;
        bool found = kube_get(watch->kube, watch->options.object_path, &object, err);

        if (watch->stopped || (!found && err->kind != ERROR_NOT_FOUND))
                return ENDING_FAILED;
        kube_names_begin(&watch->names);
        if (found && !take_object(watch, object, err))
                return ENDING_FAILED;
        return finish_list(watch, xstrdup(FROM_WHAT_IS_THERE));
}

static enum ending list(struct kube_watch *watch, struct error *err)
{
        int most = watch->pace.page;
        scoped_free char *next = xstrdup("");
        scoped_free char *version = NULL;

        kube_names_begin(&watch->names);
        for (bool first = true; first || *next; first = false) {
                if (list_page(watch, &most, &next, &version, err))
                        continue;
                if (watch->stopped || err->http_status != 410)
                        return ENDING_FAILED;
                watch->whole_list = !first;
                return ENDING_EXPIRED;
        }
        return finish_list(watch, take(version));
}

static enum ending look(struct kube_watch *watch, struct error *err)
{
        return watch->options.object_path ? get_object(watch, err) : list(watch, err);
}

/* What cannot be read once cannot be read the next time either: a list goes past it. */
static enum ending list_anew(struct kube_watch *watch, const struct error *err)
{
        tell_failure(watch, err);
        return ENDING_EXPIRED;
}

static enum ending take_event(struct kube_watch *watch, const char *line, size_t length,
                              struct error *err)
{
        scoped(kube_event_clear) struct kube_event event = { 0 };

        if (!kube_event_decode(line, length, &event, err))
                return list_anew(watch, err);
        if (event.kind == KUBE_EVENT_EXPIRED || event.kind == KUBE_EVENT_ENDED) {
                (void)error_set(err, ERROR_UNAVAILABLE, "the watch was ended: %s", event.why);
                return event.kind == KUBE_EVENT_EXPIRED ? ENDING_EXPIRED : ENDING_FAILED;
        }
        if (event.kind == KUBE_EVENT_CHANGED && !take_object(watch, event.object, err))
                return list_anew(watch, err);
        if (event.kind == KUBE_EVENT_DELETED)
                drop_object(watch, &event);
        watch->events++;
        watch->expired = false;
        free(watch->version); /* after the callback: what was not handled is told again */
        watch->version = xstrdup(event.version);
        return ENDING_NORMAL;
}

/* Until it ends. Any line proves that the other side is alive; bookmarks come every minute. */
static enum ending read_events(struct kube_watch *watch, struct http_stream *stream,
                               int64_t wall_ms, struct error *err)
{
        const char *line;
        size_t length;

        while (!watch->stopped) {
                int64_t left_ms = wall_ms - loop_now_ms();
                int64_t wait_most_ms =
                        left_ms < watch->pace.silence_ms ? left_ms : watch->pace.silence_ms;

                if (left_ms <= 0) {
                        (void)error_set(err, ERROR_UNAVAILABLE, "the watch did not end in time");
                        return ENDING_FAILED;
                }
                if (!http_stream_read_line(stream, wait_most_ms, &line, &length, err))
                        return err->kind == ERROR_NONE ? ENDING_NORMAL : ENDING_FAILED;
                enum ending ending = take_event(watch, line, length, err);
                if (ending != ENDING_NORMAL)
                        return ending;
        }
        return ENDING_NORMAL;
}

static enum ending follow(struct kube_watch *watch, struct error *err)
{
        scoped(scoped_stream_free) struct http_stream *stream = NULL;
        scoped(buf_clear) struct buf path = { 0 };
        int64_t seconds = pick(LEAST_SECONDS, MOST_SECONDS);
        int64_t opened_ms;

        buf_printf(&path, "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%" PRId64,
                   watch->options.path, seconds);
        kube_path_add_parameter(&path, "resourceVersion", watch->version);
        add_selectors(watch, &path);
        watch->events = 0;
        watch->begun++;
        if (!kube_stream(watch->kube, buf_text(&path), &stream, err))
                return err->http_status == 410 ? ENDING_EXPIRED : ENDING_FAILED;
        opened_ms = loop_now_ms();
        watch->open = true;
        enum ending ending = read_events(watch, stream, opened_ms + seconds * 1000 + GRACE_MS, err);
        watch->open = false;
        watch->open_until_ms = loop_now_ms();
        bool was_short = watch->open_until_ms - opened_ms < watch->pace.short_ms;
        if (ending == ENDING_FAILED && !was_short) { /* an API server that stops: on to the next */
                tell_failure(watch, err);
                return ENDING_NORMAL;
        }
        if (ending != ENDING_NORMAL || watch->events > 0 || !was_short)
                return ending;
        (void)error_set(err, ERROR_UNAVAILABLE, "the watch ended at once");
        return ENDING_FAILED;
}

/* After the first failure in a row the shortest delay, then twice the last one. */
static void back_off(struct kube_watch *watch)
{
        struct error cancelled = { 0 };
        int64_t now_ms = loop_now_ms();
        bool calm = watch->failed_at_ms == 0 || now_ms - watch->failed_at_ms > CALM_MS;
        int64_t longest_ms = watch->pace.longest_delay_ms;

        watch->delay_ms = calm ? watch->pace.first_delay_ms : watch->delay_ms * 2;
        if (watch->delay_ms > longest_ms)
                watch->delay_ms = longest_ms;
        watch->failed_at_ms = now_ms;
        if (!wait_ms(watch->loop, pick(watch->delay_ms / 2, watch->delay_ms), &cancelled))
                watch->stopped = true;
}

/* One list, or one watch, and what follows from its end. */
static void take_step(struct kube_watch *watch)
{
        struct error err = { 0 };
        bool listing = !watch->version;
        enum ending ending = listing ? look(watch, &err) : follow(watch, &err);

        if (!listing && strcmp(watch->version, FROM_WHAT_IS_THERE) == 0)
                free(take(watch->version)); /* an end in between would not be told */

        if (watch->stopped || ending == ENDING_NORMAL)
                return;
        if (ending == ENDING_EXPIRED && !listing) {
                free(take(watch->version));
                if (!watch->expired) { /* the first time that is no trouble */
                        watch->expired = true;
                        return;
                }
        }
        tell_failure(watch, &err);
        if (!watch->stopped)
                back_off(watch);
}

static void run(void *argument)
{
        struct kube_watch *watch = argument;

        while (!watch->stopped)
                take_step(watch);
        kube_names_clear(&watch->names);
        free(watch->version);
        free(watch);
}

struct kube_watch *kube_watch_start(struct loop *loop, struct kube *kube,
                                    const struct kube_watch_options *options)
{
        struct kube_watch *watch = xcalloc(1, sizeof(*watch));

        watch->loop = loop;
        watch->kube = kube;
        watch->options = *options;
        watch->pace = (struct kube_watch_pace){
                .first_delay_ms = 800,
                .longest_delay_ms = 5000,
                .silence_ms = 150000,
                .short_ms = 1000,
                .page = 500,
        };
        watch->fiber = fiber_start(loop, run, watch);
        return watch;
}

/* The fiber frees the watch as soon as the loop lets it go on. */
void kube_watch_stop(struct kube_watch *watch)
{
        if (!watch)
                return;
        watch->stopped = true;
        fiber_cancel(watch->fiber);
}

struct kube_watch_pace *kube_watch_pace(struct kube_watch *watch)
{
        return &watch->pace;
}

bool kube_watch_is_synced(const struct kube_watch *watch)
{
        return watch->listed && (watch->open || loop_now_ms() - watch->open_until_ms < SYNCED_MS);
}

int64_t kube_watch_restarts(const struct kube_watch *watch)
{
        return watch->begun > 0 ? watch->begun - 1 : 0;
}
