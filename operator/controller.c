#include "operator/controller.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/daemon/metrics.h"
#include "lib/fiber.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "operator/apply.h"
#include "operator/attempt.h"
#include "operator/events.h"
#include "operator/lease.h"
#include "operator/measures.h"
#include "operator/report.h"
#include "operator/sources.h"
#include "operator/store.h"
#include "operator/sweep.h"

#define WORKERS 8             /* sessions worked on at once */
#define PROVISIONERS 4        /* of them at most: an end finds one that is free */
#define ROUNDS_MAX 12         /* plans for one session in a row; a session takes four */
#define LATEST_MS 3600000     /* a deadline is looked at again this often: clocks get corrected */
#define CLOSE_MS 200          /* within this the clock is believed */
#define LISTING_GRACE_MS 5000 /* for the dependents, once the sessions themselves are known */
#define RELEASE_MS 2000

struct controller {
        struct program *program;
        struct queue queue;
        struct loop_timer *timer;
        struct loop_timer *grace;
        struct sources *sources;
        struct sweep *sweep;
        char *lease_name;
        size_t workers, provisioners;
        bool stopping;
        bool in_grace; /* the sessions are known: no list after that delays the beginning */
        struct wait idle;
};

/* How long to sleep until that instant of the API server. What we know of its clock gets better
 * with time: so not all of it at once. */
static int64_t delay_until(const struct controller *controller, int64_t due_at)
{
        int64_t left_ms = due_at * 1000 - kube_now_ms(controller->program->kube);
        int64_t delay_ms = left_ms > CLOSE_MS ? left_ms - left_ms / 4 : left_ms;

        if (delay_ms > LATEST_MS)
                return LATEST_MS;
        return delay_ms > 1 ? delay_ms : 1;
}

static bool may_work(const struct controller *controller)
{
        return controller->program->listed && !controller->stopping &&
               lease_is_ours(controller->program->lease);
}

/* When the next session can be worked on. */
static bool find_next_due(const struct controller *controller, int64_t *due_ms)
{
        bool full = controller->provisioners >= PROVISIONERS;

        return may_work(controller) && controller->workers < WORKERS &&
               queue_next_due(&controller->queue, full ? URGENCY_CLEAN : URGENCY_PROVISION, due_ms);
}

static void set_timer(struct controller *controller)
{
        int64_t due_ms = 0;

        if (!find_next_due(controller, &due_ms))
                return;

        int64_t delay_ms = due_ms - loop_now_ms();
        loop_timer_set(controller->timer, delay_ms > 0 ? delay_ms : 0);
}

static void forget_or_leave(struct controller *controller, struct session *session)
{
        if (!session_is_done(session))
                return;
        queue_remove(&controller->queue, &session->item);
        queue_remove(&controller->queue, &session->end);
        store_forget(controller->program->store, session);
}

static enum urgency find_urgency(const struct controller *controller, const struct session *session)
{
        if (!session_is_over(session, kube_now(controller->program->kube)))
                return URGENCY_PROVISION;
        return session->unbound ? URGENCY_CLEAN : URGENCY_END;
}

static void queue_session(struct controller *controller, struct session *session, int64_t delay_ms)
{
        queue_set_earlier(&controller->queue, &session->item, find_urgency(controller, session),
                          loop_now_ms() + delay_ms);
}

static void queue_end(struct controller *controller, struct session *session, int64_t ends_at)
{
        if (ends_at != 0)
                queue_set(&controller->queue, &session->end, URGENCY_END,
                          loop_now_ms() + delay_until(controller, ends_at));
}

/* The rights of others go before what is left of a session without any. */
static bool has_to_yield(const struct controller *controller, const struct session *session)
{
        return find_urgency(controller, session) == URGENCY_CLEAN &&
               queue_has_due(&controller->queue, URGENCY_END, loop_now_ms());
}

/* Plans and acts until there is nothing left to do. */
static bool settle(struct controller *controller, struct session *session, struct attempt *attempt,
                   struct error *err)
{
        struct program *program = controller->program;
        scoped(findings_clear) struct findings findings = { 0 };

        for (int round = 0; round < ROUNDS_MAX; round++) {
                scoped(observed_clear) struct observed observed = { 0 };
                scoped(plan_clear) struct plan plan = { 0 };

                if (round > 0 && has_to_yield(controller, session)) {
                        session->changed = true;
                        return true;
                }
                session->changed = false;
                (void)attempt_notes_change(session);
                store_observe(session, &observed);
                observed.role = findings.role;
                observed.missing_namespace = findings.missing_namespace;
                reconcile(&observed, &program->rules, kube_now(program->kube), &plan);
                if (plan.count == 0) {
                        attempt->due_at = plan.due_at;
                        attempt->end = plan.retry ? ATTEMPT_PATIENT : ATTEMPT_SETTLED;
                        report_repair(program, &observed, &findings);
                        return true;
                }
                if (!apply(program, session, &observed, &plan, &findings, err))
                        return false;
        }
        return error_set(err, ERROR_UNAVAILABLE, "not settled after %d rounds", ROUNDS_MAX);
}

/* What was planned under one term is not carried out in the next. */
static bool was_cut_short(const struct controller *controller, uint64_t term)
{
        const struct lease *lease = controller->program->lease;

        return !lease_is_ours(lease) || lease_term(lease) != term;
}

static void look_later(struct controller *controller, struct session *session,
                       const struct attempt *attempt)
{
        int64_t now = kube_now(controller->program->kube);
        struct next_look next = attempt_next_look(session, attempt, now);

        if (next.again)
                queue_session(controller, session, next.delay_ms);
        queue_end(controller, session, next.due_at);
        forget_or_leave(controller, session);
}

static void work_on(struct controller *controller, struct session *session, bool was_over)
{
        struct attempt attempt = { .was_over = was_over };
        struct error err = { 0 };
        int64_t begun_ms = loop_now_ms();
        uint64_t term = lease_term(controller->program->lease);

        session->running = true;
        bool settled = settle(controller, session, &attempt, &err);
        lease_relax();
        session->running = false;
        metrics_observe(controller->program->metrics, MEASURE_RECONCILE_SECONDS, NULL,
                        (double)(loop_now_ms() - begun_ms) / 1000);
        if (!settled)
                attempt.end = was_cut_short(controller, term) ? ATTEMPT_CUT_SHORT : ATTEMPT_FAILED;
        if (attempt.end == ATTEMPT_FAILED)
                report_failure(controller->program, session, &err);
        look_later(controller, session, &attempt);
}

/* Rights to take away come first; but somebody who waits to get in never waits for all of them. */
static struct session *take_next(struct controller *controller)
{
        struct queue *queue = &controller->queue;
        struct queue_item *item = NULL;
        int64_t now_ms = loop_now_ms();

        if (controller->provisioners == 0)
                item = queue_take_due(queue, URGENCY_PROVISION, now_ms);
        if (item == NULL)
                item = queue_take_due(queue, URGENCY_END, now_ms);
        if (item == NULL)
                item = queue_take_due(queue, URGENCY_CLEAN, now_ms);
        if (item == NULL && controller->provisioners < PROVISIONERS)
                item = queue_take_due(queue, URGENCY_PROVISION, now_ms);
        if (item == NULL)
                return NULL;

        struct session *session = item->owner;
        queue_remove(queue, &session->item);
        queue_remove(queue, &session->end);
        return session;
}

/* A fiber: one session after the other, until none is due. */
static void run_worker(void *argument)
{
        struct controller *controller = argument;
        struct session *session = NULL;

        while (may_work(controller) && (session = take_next(controller)) != NULL) {
                bool provisions = find_urgency(controller, session) == URGENCY_PROVISION;

                controller->provisioners += provisions;
                work_on(controller, session, !provisions);
                controller->provisioners -= provisions;
        }
        controller->workers--;
        if (controller->workers == 0)
                wait_wake(&controller->idle);
        set_timer(controller);
}

static void start_workers(void *owner)
{
        struct controller *controller = owner;
        int64_t due_ms = 0;

        while (find_next_due(controller, &due_ms) && due_ms <= loop_now_ms()) {
                controller->workers++;
                fiber_start(controller->program->loop, run_worker, controller);
        }
        set_timer(controller);
}

/* From the store. However long it waits for its turn, or we for the lease: its end comes first. */
static void session_changed(void *owner, struct session *session)
{
        struct controller *controller = owner;

        session->changed = true;
        if (session->running)
                return;
        if (!session->known && controller->program->listed)
                sweep_soon(controller->sweep);
        queue_session(controller, session, 0);
        queue_end(controller, session,
                  session_ends_at(session, kube_now(controller->program->kube)));
        set_timer(controller);
}

static void begin_work(void *owner)
{
        struct controller *controller = owner;

        if (controller->program->listed)
                return;
        controller->program->listed = true;
        log_event(LOG_LEVEL_INFO, "all sessions are known", NULL);
        set_timer(controller);
}

static void lease_changed(void *owner, bool ours)
{
        struct controller *controller = owner;

        metrics_set(controller->program->metrics, MEASURE_LEADER, NULL, ours);
        set_timer(controller);
}

/* Ending sessions must not depend on every collection being readable: dependents that were not
 * listed in time are looked up one by one. */
static void listed(void *owner, bool all)
{
        struct controller *controller = owner;

        if (all)
                begin_work(controller);
        else if (!controller->in_grace)
                loop_timer_set(controller->grace, LISTING_GRACE_MS);
        controller->in_grace = true;
}

/* Something that somebody waits for is not even begun. */
static bool is_behind(void *owner)
{
        const struct controller *controller = owner;
        int64_t due_ms = 0;

        return controller->workers == WORKERS &&
               queue_next_due(&controller->queue, URGENCY_CLEAN, &due_ms) &&
               due_ms <= loop_now_ms();
}

/* Two installations may share a release namespace, but never a session namespace. */
static void start_lease(struct controller *controller)
{
        struct program *program = controller->program;

        controller->lease_name = xasprintf("tka-operator-%s", program->session_namespace);
        metrics_set(program->metrics, MEASURE_LEADER, NULL, 0);
        program->lease = lease_start(&(struct lease_options){
                .loop = program->loop,
                .kube = program->kube,
                .namespace_name = program->release_namespace,
                .name = controller->lease_name,
                .changed = lease_changed,
                .owner = controller,
        });
}

struct controller *controller_start(struct program *program)
{
        struct controller *controller = xcalloc(1, sizeof(*controller));

        controller->program = program;
        controller->timer = loop_timer_new(program->loop, start_workers, controller);
        controller->grace = loop_timer_new(program->loop, begin_work, controller);
        program->store = store_new(program->session_namespace, session_changed, controller);
        events_wait_for(program->events, is_behind, controller);
        start_lease(controller);
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
        bool idle = controller->workers == 0 ||
                    wait_for(controller->program->loop, &controller->idle, timeout_ms, &err);
        if (!idle)
                log_event(LOG_LEVEL_WARN, "stopping in the middle of a session", "error", err.text,
                          NULL);
        lease_stop(controller->program->lease, idle ? RELEASE_MS : 0);
}

void controller_free(struct controller *controller)
{
        if (controller == NULL)
                return;
        events_wait_for(controller->program->events, NULL, NULL);
        sources_free(controller->sources);
        loop_timer_free(controller->timer);
        loop_timer_free(controller->grace);
        queue_clear(&controller->queue);
        store_free(controller->program->store);
        controller->program->store = NULL;
        lease_free(controller->program->lease);
        controller->program->lease = NULL;
        free(controller->lease_name);
        free(controller->sweep);
        free(controller);
}

bool controller_check(const struct controller *controller, struct error *err)
{
        return sources_check(controller->sources, err) &&
               lease_check(controller->program->lease, err);
}

void controller_measure(const struct controller *controller)
{
        const struct program *program = controller->program;
        struct metrics *metrics = program->metrics;

        measures_count_sessions(program);
        metrics_set(metrics, MEASURE_LEFT_OUT, NULL, (double)store_left_out(program->store));
        metrics_set(metrics, MEASURE_QUEUED, NULL, (double)queue_count(&controller->queue));
        metrics_set(metrics, MEASURE_CLOCK_OFFSET, NULL,
                    (double)kube_clock_offset_seconds(program->kube));
        metrics_set(metrics, MEASURE_LOOP_LAG, NULL, (double)loop_lag_ms(program->loop) / 1000);
        sources_measure(controller->sources, metrics);
}
