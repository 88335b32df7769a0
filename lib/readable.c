#include "lib/readable.h"

#include <event2/event.h>

#include "lib/fiber.h"
#include "lib/loop.h"

static void on_event(evutil_socket_t fd, short what, void *argument)
{
        (void)fd;
        (void)what;
        wait_wake(argument);
}

static void free_event(struct event **event)
{
        event_free(*event);
}

bool readable_wait(struct loop *loop, int fd, int64_t timeout_ms, struct error *err)
{
        struct wait wait = { 0 };
        scoped(free_event) struct event *event =
                event_new(loop_base(loop), fd, EV_READ, on_event, &wait);

        event_add(event, NULL);
        return wait_for(loop, &wait, timeout_ms, err);
}
