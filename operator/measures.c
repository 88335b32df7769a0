#include "operator/measures.h"

#include "lib/memory.h"

/* clang-format off: one row is one metric */
static const struct metric table[] = {
        [MEASURE_ACTIVE_SESSIONS] = { "tka_active_user_sessions",
                                     METRIC_GAUGE,     { "role" },
                                     "Sessions that are provisioned and not ending."       },
        [MEASURE_SIGNINS] = { "tka_user_signins_total",
                                     METRIC_COUNTER,   { "role" },
                                     "Sessions provisioned."                               },
        [MEASURE_RECONCILE_SECONDS] = { "tka_reconcile_duration_seconds",
                                     METRIC_HISTOGRAM, { NULL },
                                     "Time to bring one session to what it should be."     },
        [MEASURE_RECONCILE_FAILURES] = { "tka_reconcile_failures_total",
                                     METRIC_COUNTER,   { NULL },
                                     "Attempts that failed and are tried again."           },
        [MEASURE_OVERDUE] = { "tka_sessions_overdue",
                                     METRIC_GAUGE,     { NULL },
                                     "Sessions past their end whose binding still exists." },
        [MEASURE_QUEUED] = { "tka_queue_length",
                                     METRIC_GAUGE,     { NULL },
                                     "Sessions that wait for a change or for their end."   },
        [MEASURE_ORPHANS] = { "tka_orphans_removed_total",
                                     METRIC_COUNTER,   { "kind" },
                                     "Objects removed that no session owned."              },
        [MEASURE_WATCH_RESTARTS] = { "tka_watch_restarts_total",
                                     METRIC_COUNTER,   { "resource" },
                                     "Watches begun again."                                },
        [MEASURE_CLOCK_OFFSET] = { "tka_clock_offset_seconds",
                                     METRIC_GAUGE,     { NULL },
                                     "The API server's clock less ours."                   },
        [MEASURE_LOOP_LAG] = { "tka_loop_lag_seconds",
                                     METRIC_GAUGE,     { NULL },
                                     "By how much the event loop was last late."           },
};
/* clang-format on */

struct metrics *measures_new(void)
{
        return metrics_new(table, ARRAY_LENGTH(table));
}
