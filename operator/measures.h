/* measures.h - the operator's metrics: one row each. */
#pragma once

#include "lib/daemon/metrics.h"

enum measure {
        MEASURE_ACTIVE_SESSIONS, /* {role} */
        MEASURE_SIGNINS,         /* {role} */
        MEASURE_RECONCILE_SECONDS,
        MEASURE_RECONCILE_FAILURES,
        MEASURE_OVERDUE,
        MEASURE_QUEUED,
        MEASURE_ORPHANS, /* {kind} */
        MEASURE_LEFT_OUT,
        MEASURE_WATCH_RESTARTS, /* {resource} */
        MEASURE_CLOCK_OFFSET,
        MEASURE_LOOP_LAG,
        MEASURE_LEADER,
};

struct program;

struct metrics *measures_new(void);
/* Sets the gauges that count sessions. */
void measures_count_sessions(const struct program *program);
