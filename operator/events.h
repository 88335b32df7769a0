/* events.h - Kubernetes Events on a TkaSignin: best effort, posted beside the work, never before
 * it.
 */
#pragma once

#include "schema/signin.h"

struct events;
struct kube;
struct loop;

struct events *events_new(struct loop *loop, struct kube *kube);
void events_free(struct events *events);
/* None is posted while is_busy(owner): there is something more important to ask of the API server.
 */
void events_wait_for(struct events *events, bool (*is_busy)(void *owner), void *owner);

/* type is "Normal" or "Warning", action a verb in CamelCase. Does not wait; with too many pending
 * it is dropped. */
void events_post(struct events *events, const struct signin *signin, const char *type,
                 const char *reason, const char *action, const char *note);
/* The body that is posted; the caller's. */
json_t *events_encode(const struct signin *signin, const char *type, const char *reason,
                      const char *action, const char *note, int64_t now_us);
