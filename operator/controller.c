#include "operator/controller.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/kube.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/metrics.h"
#include "operator/apply.h"
#include "operator/measures.h"
#include "operator/report.h"
#include "operator/sources.h"
#include "operator/store.h"
#include "operator/sweep.h"

#define WORKERS 4
#define ROUNDS_MAX 12         /* plans for one session in a row; a session takes four */
#define LATEST_MS 3600000     /* a deadline is looked at again this often: clocks get corrected */
#define CLOSE_MS 100          /* within the last second the clock is read this often */
#define LISTING_GRACE_MS 5000 /* for the dependents, once the sessions themselves are known */

struct controller {
        struct program *program;
        struct queue queue;
        struct loop_timer *timer;
        struct loop_timer *grace;
        struct sources *sources;
        struct sweep *sweep;
        size_t workers;
        bool ready_to_work, stopping;
        struct wait idle;
};

/* How long to sleep until that instant of the API server, whose clock shows whole seconds to us. */
static int64_t delay_until(const struct controller *controller, int64_t due_at)
{
        int64_t seconds = due_at - kube_now(controller->program->kube);

        if (seconds <= 1)
                return CLOSE_MS;
        return seconds - 1 < LATEST_MS / 1000 ? (seconds - 1) * 1000 : LATEST_MS;
}

static void set_timer(struct controller *controller)
{
        int64_t due_ms = 0;

        if (controller->stopping || !controller->ready_to_work || controller->workers == WORKERS ||
            !queue_next_due(&controller->queue, &due_ms))
                return;

        int64_t delay_ms = due_ms - loop_now_ms();
        loop_timer_set(controller->timer, delay_ms > 0 ? delay_ms : 0);
}

static void forget_or_leave(struct controller *controller, struct session *session)
{
        if (!session_is_done(session))
                return;
        queue_remove(&controller->queue, &session->item);
        store_forget(controller->program->store, session);
}

/* Plans and acts until there is nothing left to do. */
static bool settle(struct controller *controller, struct session *session, struct plan *last,
                   struct error *err)
{
        struct program *program = controller->program;
        scoped(findings_clear) struct findings findings = { 0 };

        for (int round = 0; round < ROUNDS_MAX; round++) {
                scoped(observed_clear) struct observed observed = { 0 };
                scoped(plan_clear) struct plan plan = { 0 };

                session->changed = false;
                store_observe(session, &observed);
                observed.role = findings.role;
                observed.missing_namespace = findings.missing_namespace;
                reconcile(&observed, &program->rules, kube_now(program->kube), &plan);
                if (plan.count == 0) {
                        last->due_at = plan.due_at;
                        last->retry = plan.retry;
                        return true;
                }
                if (!apply(program, session, &observed, &plan, &findings, err))
                        return false;
        }
        return error_set(err, ERROR_UNAVAILABLE, "not settled after %d rounds", ROUNDS_MAX);
}

static void try_later(struct controller *controller, struct session *session)
{
        int64_t delay_ms = queue_backoff_ms(session->failures++);

        queue_set_earlier(&controller->queue, &session->item, loop_now_ms() + delay_ms);
}

static void plan_next(struct controller *controller, struct session *session,
                      const struct plan *last)
{
        if (last->retry)
                try_later(controller, session);
        else
                session->failures = 0;
        if (session->changed)
                queue_set_earlier(&controller->queue, &session->item, loop_now_ms());
        if (last->due_at != 0)
                queue_set_earlier(&controller->queue, &session->item,
                                  loop_now_ms() + delay_until(controller, last->due_at));
        forget_or_leave(controller, session);
}

static void report_failure(struct controller *controller, const struct session *session,
                           const struct error *err)
{
        char failures[16];

        snprintf(failures, sizeof(failures), "%u", session->failures + 1);
        log_event(LOG_LEVEL_WARN, "a session is not as it should be, trying again", "signin",
                  session->signin.name, "signin_uid", session->uid, "error", err->text, "failures",
                  failures, NULL);
        metrics_add(controller->program->metrics, MEASURE_RECONCILE_FAILURES, NULL, 1);
}

static void work_on(struct controller *controller, struct session *session)
{
        struct plan last = { 0 };
        struct error err = { 0 };
        int64_t begun_ms = loop_now_ms();

        session->running = true;
        bool settled = settle(controller, session, &last, &err);
        session->running = false;
        metrics_observe(controller->program->metrics, MEASURE_RECONCILE_SECONDS, NULL,
                        (double)(loop_now_ms() - begun_ms) / 1000);
        if (settled) {
                plan_next(controller, session, &last);
                return;
        }
        report_failure(controller, session, &err);
        try_later(controller, session);
}

/* A fiber: one session after the other, until none is due. */
static void run_worker(void *argument)
{
        struct controller *controller = argument;
        struct queue_item *item = NULL;

        while (!controller->stopping &&
               (item = queue_take_due(&controller->queue, loop_now_ms())) != NULL)
                work_on(controller, item->owner);
        controller->workers--;
        if (controller->workers == 0)
                wait_wake(&controller->idle);
        set_timer(controller);
}

static void start_workers(void *owner)
{
        struct controller *controller = owner;
        int64_t due_ms = 0;

        while (!controller->stopping && controller->workers < WORKERS &&
               queue_next_due(&controller->queue, &due_ms) && due_ms <= loop_now_ms()) {
                controller->workers++;
                fiber_start(controller->program->loop, run_worker, controller);
        }
        set_timer(controller);
}

/* From the store. */
static void session_changed(void *owner, struct session *session)
{
        struct controller *controller = owner;

        session->changed = true;
        if (session->running)
                return;
        queue_set_earlier(&controller->queue, &session->item, loop_now_ms());
        set_timer(controller);
}

static void begin_work(void *owner)
{
        struct controller *controller = owner;

        controller->ready_to_work = true;
        set_timer(controller);
}

/* Ending sessions must not depend on every collection being readable: dependents that were not
 * listed in time are looked up one by one. */
static void listed(void *owner, bool all)
{
        struct controller *controller = owner;
        struct program *program = controller->program;

        if (program->listed)
                return;
        if (!all) {
                if (!controller->ready_to_work)
                        loop_timer_set(controller->grace, LISTING_GRACE_MS);
                return;
        }
        program->listed = true;
        log_event(LOG_LEVEL_INFO, "all sessions are known", NULL);
        begin_work(controller);
}

struct controller *controller_start(struct program *program)
{
        struct controller *controller = xcalloc(1, sizeof(*controller));

        controller->program = program;
        controller->timer = loop_timer_new(program->loop, start_workers, controller);
        controller->grace = loop_timer_new(program->loop, begin_work, controller);
        program->store = store_new(program->session_namespace, session_changed, controller);
        controller->sources = sources_start(program, listed, controller);
        controller->sweep = sweep_start(program);
        return controller;
}

void controller_stop(struct controller *controller, int64_t timeout_ms)
{
        struct error err = { 0 };

        controller->stopping = true;
        loop_timer_stop(controller->timer);
        loop_timer_stop(controller->grace);
        sweep_stop(controller->sweep);
        sources_stop(controller->sources);
        if (controller->workers > 0 &&
            !wait_for(controller->program->loop, &controller->idle, timeout_ms, &err))
                log_event(LOG_LEVEL_WARN, "stopping in the middle of a session", "error", err.text,
                          NULL);
}

void controller_free(struct controller *controller)
{
        if (controller == NULL)
                return;
        sources_free(controller->sources);
        loop_timer_free(controller->timer);
        loop_timer_free(controller->grace);
        queue_clear(&controller->queue);
        store_free(controller->program->store);
        controller->program->store = NULL;
        free(controller->sweep);
        free(controller);
}

bool controller_check(const struct controller *controller, struct error *err)
{
        return sources_check(controller->sources, err);
}

/* For controller_measure(). */
struct tally {
        const struct program *program;
        int64_t now;
        size_t overdue;
};

static bool is_over(const struct session *session, int64_t now)
{
        struct error err = { 0 };
        int64_t ends_at = 0;

        if (session->gone || session->signin.deletion_at != 0)
                return true;
        return signin_ends_at(&session->signin, &ends_at, &err) && now >= ends_at;
}

static void count_session(void *owner, const struct session *session)
{
        struct tally *tally = owner;
        const struct signin *signin = &session->signin;

        if (!session->known)
                return;
        if (is_over(session, tally->now)) {
                tally->overdue += session_has_binding(session);
                return;
        }
        if (signin->status.provisioned)
                metrics_add(
                        tally->program->metrics, MEASURE_ACTIVE_SESSIONS,
                        (const char *[]){ report_role_label(tally->program, signin->spec.role) },
                        1);
}

void controller_measure(const struct controller *controller)
{
        const struct program *program = controller->program;
        struct metrics *metrics = program->metrics;
        struct tally tally = { program, kube_now(program->kube), 0 };

        metrics_reset(metrics, MEASURE_ACTIVE_SESSIONS);
        for (size_t i = 0; i < program->rules.roles->count; i++)
                metrics_set(metrics, MEASURE_ACTIVE_SESSIONS,
                            (const char *[]){ program->rules.roles->items[i] }, 0);
        store_each(program->store, count_session, &tally);
        metrics_set(metrics, MEASURE_OVERDUE, NULL, (double)tally.overdue);
        metrics_set(metrics, MEASURE_QUEUED, NULL, (double)controller->queue.count);
        metrics_set(metrics, MEASURE_CLOCK_OFFSET, NULL,
                    (double)kube_clock_offset_seconds(program->kube));
        metrics_set(metrics, MEASURE_LOOP_LAG, NULL, (double)loop_lag_ms(program->loop) / 1000);
        sources_measure(controller->sources, metrics);
}
