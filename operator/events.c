#include "operator/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/api/kube.h"
#include "lib/fiber.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define PENDING_MAX 256
#define NOTE_SIZE 1000 /* the API takes 1024 bytes */
#define DELAY_MS 200
#define CONTROLLER SIGNIN_GROUP "/operator"

struct events {
        struct loop *loop;
        struct kube *kube;
        json_t *pending[PENDING_MAX]; /* a ring */
        size_t first, count;
        struct fiber *poster;         /* while there is anything to post */
        bool (*is_busy)(void *owner); /* or NULL */
        void *owner;
};

struct events *events_new(struct loop *loop, struct kube *kube)
{
        struct events *events = xcalloc(1, sizeof(*events));

        events->loop = loop;
        events->kube = kube;
        return events;
}

static json_t *take_first(struct events *events)
{
        json_t *body = events->pending[events->first];

        events->first = (events->first + 1) % PENDING_MAX;
        events->count--;
        return body;
}

void events_free(struct events *events)
{
        if (events == NULL)
                return;
        while (events->count > 0)
                json_decref(take_first(events));
        free(events);
}

/* Cuts within the limit, but not within a character. */
static void copy_note(char note[NOTE_SIZE], const char *text)
{
        size_t length = (size_t)snprintf(note, NOTE_SIZE, "%s", text);

        if (length < NOTE_SIZE)
                return;
        length = NOTE_SIZE - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
                length--;
        note[length] = '\0';
}

json_t *events_encode(const struct signin *signin, const char *type, const char *reason,
                      const char *action, const char *note, int64_t now_us)
{
        char time[TIMESTAMP_TEXT_SIZE];
        char host[65] = "tka-operator";
        char short_note[NOTE_SIZE];
        scoped_free char *name = xasprintf("%.200s.%016" PRIx64, signin->name, (uint64_t)now_us);

        copy_note(short_note, note);
        if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
                snprintf(host, sizeof(host), "tka-operator");
        return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:o,"
                         " s:{s:s, s:s, s:s, s:s, s:s, s:s*}}",
                         "apiVersion", "events.k8s.io/v1", "kind", "Event", "metadata", "name",
                         name, "namespace", signin->namespace_name, "eventTime",
                         timestamp_format_us(now_us, time), "type", type, "reason", reason,
                         "action", action, "reportingController", CONTROLLER, "reportingInstance",
                         host, "note", json_text(short_note), "regarding", "apiVersion",
                         SIGNIN_API_VERSION, "kind", "TkaSignin", "namespace",
                         signin->namespace_name, "name", signin->name, "uid", signin->uid,
                         "resourceVersion", signin->resource_version);
}

static void post(struct events *events, json_t *body)
{
        static const struct kube_resource resource = { "events.k8s.io", "v1", "events" };
        scoped_free char *path =
                kube_path(&resource, json_text_at(body, "metadata.namespace"), NULL, NULL);
        struct error err = { 0 };

        /* One that cannot be posted is lost: the audit line has said it already. */
        (void)!kube_create(events->kube, path, body, NULL, &err);
        json_decref(body);
}

void events_wait_for(struct events *events, bool (*is_busy)(void *owner), void *owner)
{
        events->is_busy = is_busy;
        events->owner = owner;
}

/* Sessions first: somebody waits for those. */
static bool wait_for_sessions(struct events *events)
{
        struct error err = { 0 };

        while (events->is_busy != NULL && events->is_busy(events->owner))
                if (!wait_ms(events->loop, DELAY_MS, &err))
                        return false;
        return true;
}

static void post_all(void *argument)
{
        struct events *events = argument;
        struct error err = { 0 };

        (void)!wait_ms(events->loop, DELAY_MS, &err);
        while (events->count > 0 && !fiber_is_cancelled() && wait_for_sessions(events))
                post(events, take_first(events));
        events->poster = NULL;
}

void events_post(struct events *events, const struct signin *signin, const char *type,
                 const char *reason, const char *action, const char *note)
{
        if (events->count == PENDING_MAX)
                return;

        size_t last = (events->first + events->count) % PENDING_MAX;
        events->pending[last] =
                events_encode(signin, type, reason, action, note, timestamp_now_us());
        events->count++;
        if (events->poster == NULL)
                events->poster = fiber_start(events->loop, post_all, events);
}
