#include "operator/sweep.h"

#include <stdlib.h>

#include "lib/api/kube.h"
#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "operator/apply.h"
#include "operator/lease.h"
#include "operator/measures.h"
#include "operator/report.h"
#include "operator/store.h"
#include "operator/suspects.h"

struct sweep {
        struct program *program;
        struct fiber *fiber;
        struct wait wait;
        struct sweep_pace pace;
        bool soon, stopped;
};

/* A look for suspects among the objects of one kind after the other. */
struct search {
        struct program *program;
        struct suspects suspects;
        size_t most; /* of them at once: anybody may have labelled any number */
        enum dependent_kind kind;
        struct error trouble; /* with a kind or with one of them, which keeps none of the others */
};

static void search_clear(struct search *search)
{
        suspects_clear(&search->suspects);
}

/* Clears those it owns of suspicion. */
static bool take_signin(void *owner, const json_t *object, struct error *err)
{
        struct suspects *suspects = owner;
        const char *uid = json_text_at(object, "metadata.uid");

        if (uid == NULL)
                return error_set(err, ERROR_UNAVAILABLE, "a TkaSignin without uid");
        suspects_acquit(suspects, uid);
        return true;
}

static bool remove_orphan(struct program *program, const struct dependent *orphan,
                          struct error *err)
{
        const struct action action = { .kind = ACTION_DELETE,
                                       .what = orphan->kind,
                                       .namespace_name = orphan->namespace_name,
                                       .name = orphan->name,
                                       .uid = orphan->uid };

        if (apply_delete(program, &action, err)) {
                report_orphan(program, orphan);
                return true;
        }
        if (err->kind == ERROR_PENDING)
                log_event(LOG_LEVEL_WARN, "an object that no session owns is kept", "error",
                          err->text, "namespace", orphan->namespace_name, "uid", orphan->uid, NULL);
        /* Already another one, which the next sweep judges; or asked to go, and somebody's care. */
        return err->kind == ERROR_CONFLICT || err->kind == ERROR_PENDING;
}

/* Each is tried, as long as they are ours to remove. */
static void remove_orphans(struct search *search)
{
        const struct suspects *suspects = &search->suspects;

        for (size_t i = 0; i < suspects->count && lease_is_ours(search->program->lease); i++) {
                struct error err = { 0 };

                if (suspects->items[i].kind == DEPENDENT_KINDS ||
                    remove_orphan(search->program, &suspects->items[i], &err))
                        continue;
                metrics_add(search->program->metrics, MEASURE_RECONCILE_FAILURES, NULL, 1);
                search->trouble = err;
        }
        lease_relax();
}

/* Removes those that no session owns; none is left then. */
static bool judge_suspects(struct search *search, struct error *err)
{
        struct program *program = search->program;
        struct suspects *suspects = &search->suspects;
        scoped_free char *path =
                kube_path(signin_resource(), program->session_namespace, NULL, NULL);

        if (suspects->count == 0)
                return true;
        suspects_order(suspects);
        if (!kube_walk(program->kube, path, NULL, take_signin, suspects, err))
                return error_wrap(err, "listing sessions");
        remove_orphans(search);
        suspects_clear(suspects);
        return true;
}

static bool take_dependent(void *owner, const json_t *object, struct error *err)
{
        struct search *search = owner;
        scoped(dependent_clear) struct dependent dependent = { 0 };

        if (!dependent_decode(search->kind, object, search->program->session_namespace, &dependent,
                              err))
                return true; /* of a name that we give to nothing: it keeps none of the others */

        const struct session *session = store_find(search->program->store, dependent.signin_uid);
        if (session == NULL ? dependent.foreign : session->known && !session->gone)
                return true;
        suspects_add(&search->suspects, &dependent);
        return search->suspects.count < search->most || judge_suspects(search, err);
}

static bool search_kind(struct search *search, enum dependent_kind kind, struct error *err)
{
        struct program *program = search->program;
        bool account = kind == DEPENDENT_SERVICE_ACCOUNT;
        scoped_free char *path =
                dependent_path(kind, account ? program->session_namespace : NULL, NULL);

        search->kind = kind;
        return kube_walk(program->kube, path, SIGNIN_UID_LABEL, take_dependent, search, err) ||
               error_wrap(err, "listing what sessions own");
}

static bool sweep_once(struct sweep *sweep, struct error *err)
{
        scoped(search_clear) struct search search = { .program = sweep->program,
                                                      .most = sweep->pace.most };

        for (int kind = DEPENDENT_KINDS - 1; kind >= 0; kind--) {
                struct error trouble = { 0 };

                if (!search_kind(&search, (enum dependent_kind)kind, &trouble))
                        search.trouble = trouble;
        }
        if (!judge_suspects(&search, err))
                return false;
        if (search.trouble.text[0] == '\0')
                return true;
        *err = search.trouble;
        return false;
}

/* How long until the next one. */
static int64_t sweep_now(struct sweep *sweep)
{
        struct program *program = sweep->program;
        struct error err = { 0 };

        if (!program->listed || !lease_is_ours(program->lease))
                return sweep->pace.standby_ms;
        sweep->soon = false;
        bool swept = sweep_once(sweep, &err);
        lease_relax();
        if (swept)
                return sweep->soon ? sweep->pace.soon_ms : sweep->pace.every_ms;
        if (!sweep->stopped)
                log_event(LOG_LEVEL_WARN, "sweeping, trying again", "error", err.text, NULL);
        return sweep->pace.retry_ms;
}

static void run_sweep(void *argument)
{
        struct sweep *sweep = argument;
        struct loop *loop = sweep->program->loop;
        struct error err = { 0 };
        int64_t delay_ms = 0;

        while (!sweep->stopped) {
                /* Woken, when it was given a moment, or in time: both mean to look. */
                if (wait_for(loop, &sweep->wait, delay_ms, &err) &&
                    !wait_ms(loop, sweep->pace.soon_ms, &err))
                        break;
                if (!sweep->stopped)
                        delay_ms = sweep_now(sweep);
        }
        sweep->fiber = NULL;
}

struct sweep *sweep_start(struct program *program)
{
        struct sweep *sweep = xcalloc(1, sizeof(*sweep));

        sweep->program = program;
        sweep->pace = (struct sweep_pace){
                .every_ms = 300000,
                .retry_ms = 10000,
                .standby_ms = 500,
                .soon_ms = 3000,
                .most = 4096,
        };
        sweep->fiber = fiber_start(program->loop, run_sweep, sweep);
        return sweep;
}

struct sweep_pace *sweep_pace(struct sweep *sweep)
{
        return &sweep->pace;
}

void sweep_stop(struct sweep *sweep)
{
        sweep->stopped = true;
        if (sweep->fiber != NULL)
                fiber_cancel(sweep->fiber);
}

void sweep_soon(struct sweep *sweep)
{
        if (sweep->soon || !lease_is_ours(sweep->program->lease))
                return;
        sweep->soon = true;
        wait_wake(&sweep->wait);
}
