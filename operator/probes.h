/* probes.h - what the operator's health listener tells of it. */
#pragma once

#include "lib/daemon/health.h"
#include "operator/controller.h"

struct probes {
        struct program *program;
        struct controller *controller; /* NULL: not started yet, or no longer */
        bool draining;
};

/* Borrows probes. */
struct health probes_health(struct probes *probes);
