#include "operator/measures.h"

#include "lib/api/kube.h"
#include "lib/memory.h"
#include "operator/program.h"
#include "operator/report.h"
#include "operator/store.h"

/* clang-format off: one row is one metric */
static const struct metric table[] = {
        [MEASURE_ACTIVE_SESSIONS] = { "tka_active_user_sessions",
                                     METRIC_GAUGE,     { "role" },
                                     "Sessions that are provisioned and not ending."      },
        [MEASURE_SIGNINS] = { "tka_user_signins_total",
                                     METRIC_COUNTER,   { "role" },
                                     "Sessions provisioned."                              },
        [MEASURE_RECONCILE_SECONDS] = { "tka_reconcile_duration_seconds",
                                     METRIC_HISTOGRAM, { NULL },
                                     "Time to bring one session to what it should be."    },
        [MEASURE_RECONCILE_FAILURES] = { "tka_reconcile_failures_total",
                                     METRIC_COUNTER,   { NULL },
                                     "Attempts that failed and are tried again."          },
        [MEASURE_OVERDUE] = { "tka_sessions_overdue",
                                     METRIC_GAUGE,     { NULL },
                                     "Sessions whose binding outlives them."              },
        [MEASURE_QUEUED] = { "tka_queue_length",
                                     METRIC_GAUGE,     { NULL },
                                     "Sessions that wait for a change or for their end."  },
        [MEASURE_ORPHANS] = { "tka_orphans_removed_total",
                                     METRIC_COUNTER,   { "kind" },
                                     "Objects removed that no session owned."             },
        [MEASURE_LEFT_OUT] = { "tka_objects_left_out_total",
                                     METRIC_COUNTER,   { NULL },
                                     "Labelled objects not followed: there are too many." },
        [MEASURE_WATCH_RESTARTS] = { "tka_watch_restarts_total",
                                     METRIC_COUNTER,   { "resource" },
                                     "Watches begun again."                               },
        [MEASURE_CLOCK_OFFSET] = { "tka_clock_offset_seconds",
                                     METRIC_GAUGE,     { NULL },
                                     "The API server's clock less ours."                  },
        [MEASURE_LOOP_LAG] = { "tka_loop_lag_seconds",
                                     METRIC_GAUGE,     { NULL },
                                     "By how much the event loop was last late."          },
        [MEASURE_LEADER] = { "tka_operator_leader",
                                     METRIC_GAUGE,     { NULL },
                                     "1 while this operator works, 0 while it stands by." },
};
/* clang-format on */

struct metrics *measures_new(void)
{
        return metrics_new(table, ARRAY_LENGTH(table));
}

struct tally {
        const struct program *program;
        int64_t now;
        size_t overdue;
};

static void count_session(void *owner, const struct session *session)
{
        struct tally *tally = owner;
        const struct signin *signin = &session->signin;

        if (session->known ? session_is_over(session, tally->now) : tally->program->listed) {
                tally->overdue += session_has_binding(session);
                return;
        }
        if (signin->status.provisioned)
                metrics_add(
                        tally->program->metrics, MEASURE_ACTIVE_SESSIONS,
                        (const char *[]){ report_role_label(tally->program, signin->spec.role) },
                        1);
}

void measures_count_sessions(const struct program *program)
{
        struct metrics *metrics = program->metrics;
        struct tally tally = { program, kube_now(program->kube), 0 };

        metrics_reset(metrics, MEASURE_ACTIVE_SESSIONS);
        for (size_t i = 0; i < program->rules.roles->count; i++)
                metrics_set(metrics, MEASURE_ACTIVE_SESSIONS,
                            (const char *[]){ program->rules.roles->items[i] }, 0);
        store_each(program->store, count_session, &tally);
        metrics_set(metrics, MEASURE_OVERDUE, NULL, (double)tally.overdue);
}
