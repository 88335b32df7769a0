/* health.h - what probes and scrapes are answered by every daemon: /livez, /readyz (and /ready),
 * /metrics and /metrics/controller. */
#pragma once

#include "lib/http/http_server.h"

struct health {
        void *owner; /* given to all below */
        /* UNAVAILABLE, with the reason, while the daemon cannot do its work. */
        bool (*check)(void *owner, struct error *err);
        const char *ready; /* the reason when it can */
        /* Bring the metrics up to date and print them. */
        void (*print)(void *owner, struct buf *text);
        void (*print_controller)(void *owner, struct buf *text);
        void (*answered)(void *owner, const struct http_outcome *outcome); /* or NULL */
};

/* Listens at that address, which errors call health.address. health is borrowed; the server is the
 * caller's to free. NULL: err says why. */
struct http_server *health_listen(struct loop *loop, struct health *health, const char *address,
                                  int64_t port, struct error *err) must_check;
