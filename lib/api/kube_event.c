#include <string.h>

#include "lib/api/kube_private.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/memory.h"

static const struct {
        const char *name;
        enum kube_event_kind kind;
} types[] = {
        { "ADDED",    KUBE_EVENT_CHANGED  },
        { "MODIFIED", KUBE_EVENT_CHANGED  },
        { "DELETED",  KUBE_EVENT_DELETED  },
        { "BOOKMARK", KUBE_EVENT_BOOKMARK },
        { "ERROR",    KUBE_EVENT_ENDED    },
};

static bool read_type(const char *type, enum kube_event_kind *kind, struct error *err)
{
        for (size_t i = 0; type && i < ARRAY_LENGTH(types); i++)
                if (strcmp(type, types[i].name) == 0) {
                        *kind = types[i].kind;
                        return true;
                }
        return error_set(err, ERROR_UNAVAILABLE, "an event of type \"%s\"", type ? type : "");
}

bool kube_event_identify(const json_t *object, const char **namespace_name, const char **name,
                         const char **uid, struct error *err)
{
        *namespace_name = json_text_at(object, "metadata.namespace");
        *name = json_text_at(object, "metadata.name");
        *uid = json_text_at(object, "metadata.uid");
        if (!*namespace_name)
                *namespace_name = "";
        if (!*uid || !json_at(object, "metadata.name"))
                return error_set(err, ERROR_UNAVAILABLE, "an object without name or uid");
        if (!*name || strlen(*name) > LIMIT_KUBE_NAME)
                *name = "";
        return true;
}

/* A Status. */
static void read_end(struct kube_event *event)
{
        const char *message = json_text_at(event->object, "message");
        const char *reason = json_text_at(event->object, "reason");

        if (json_integer_at(event->object, "code", 0) == 410 ||
            (reason && (!strcmp(reason, "Expired") || !strcmp(reason, "Gone"))))
                event->kind = KUBE_EVENT_EXPIRED;
        event->why = message && *message ? message : "no reason given";
}

static bool read_object(struct kube_event *event, struct error *err)
{
        event->version = json_text_at(event->object, "metadata.resourceVersion");
        if (!event->version || !*event->version)
                return error_set(err, ERROR_UNAVAILABLE, "an event without a resourceVersion");
        return event->kind == KUBE_EVENT_BOOKMARK ||
               kube_event_identify(event->object, &event->namespace_name, &event->name, &event->uid,
                                   err);
}

bool kube_event_decode(const char *line, size_t length, struct kube_event *event, struct error *err)
{
        scoped(kube_event_clear) struct kube_event read = { 0 };

        if (!json_parse_shared(line, length, &read.json, err) ||
            !read_type(json_text_at(read.json, "type"), &read.kind, err))
                return false;
        read.object = json_at(read.json, "object");
        if (read.kind == KUBE_EVENT_ENDED)
                read_end(&read);
        else if (!read_object(&read, err))
                return false;
        *event = read;
        read = (struct kube_event){ 0 };
        return true;
}

void kube_event_clear(struct kube_event *event)
{
        json_decref(event->json);
        *event = (struct kube_event){ 0 };
}
