/* health.h - what probes and scrapes are answered: /livez /readyz /metrics /metrics/controller. */
#pragma once

#include "lib/http_server.h"
#include "operator/controller.h"

struct health {
        struct program *program;
        struct controller *controller; /* NULL: not started yet, or no longer */
        bool draining;
};

/* The routes' owner is a struct health. */
const struct http_route *health_routes(size_t *count);
