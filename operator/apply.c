#include "operator/apply.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "operator/lease.h"
#include "operator/objects.h"
#include "operator/report.h"
#include "operator/roles.h"
#include "operator/store.h"

#define MANAGER "tka-operator"
#define FOUND_MAX 100 /* what else has a session's label: so much is enough for the next plans */

enum step {
        STEP_DONE,
        STEP_LOOK_AGAIN, /* what the plan was made from no longer holds */
        STEP_FAILED,     /* err says why */
};

struct work {
        struct program *program;
        struct session *session;
        const struct observed *observed;
        const struct plan *plan;
        struct findings *findings;
        uint64_t term; /* of the lease, when the plan was made */
};

static enum step failed(struct error *err, const char *doing, const char *name)
{
        error_wrap(err, "%s %s", doing, name);
        return STEP_FAILED;
}

void findings_clear(struct findings *findings)
{
        free(findings->missing_namespace);
        *findings = (struct findings){ 0 };
}

static char *signin_path(const struct work *work, const char *subresource)
{
        return kube_path(signin_resource(), work->program->session_namespace,
                         work->observed->signin.name, subresource);
}

/* Our view of the TkaSignin was old: takes what it is now, from the API server itself. */
static enum step refresh(const struct work *work, struct error *err)
{
        scoped_free char *path = signin_path(work, NULL);
        json_auto_t *object = NULL;
        bool found = kube_get(work->program->kube, path, &object, err);

        if (!found && err->kind != ERROR_NOT_FOUND)
                return failed(err, "reading TkaSignin", work->observed->signin.name);

        const char *uid = found ? json_text_at(object, "metadata.uid") : NULL;
        if (uid == NULL || strcmp(uid, work->session->uid) != 0)
                store_miss_signin(work->program->store, work->session);
        else if (!store_put_signin(work->program->store, object, err))
                return STEP_FAILED;
        return STEP_LOOK_AGAIN;
}

/* Whether a refusal of the API server can mean that the TkaSignin is not what it was. */
static bool is_stale(const struct error *err)
{
        return err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND ||
               err->http_status == 422;
}

static enum step read_role(const struct work *work, const struct action *action, struct error *err)
{
        const char *role = work->observed->signin.spec.role;
        const char *power = NULL;

        (void)action;
        if (!roles_look(work->program->roles, role, &work->findings->role, &power, err))
                return STEP_FAILED;
        if (power != NULL)
                log_event(LOG_LEVEL_WARN,
                          "this role reaches beyond its session: prefer sessions in namespaces",
                          "role", role, "holds", power, NULL);
        return STEP_DONE;
}

static bool still_there(const json_t *answer)
{
        return json_array_size(json_at(answer, "metadata.finalizers")) > 0;
}

bool apply_delete(struct program *program, const struct action *action, struct error *err)
{
        scoped_free char *path = dependent_path(action->what, action->namespace_name, action->name);
        json_auto_t *answer = NULL;

        if (!lease_allows_write(program->lease, err))
                return false;
        if (!kube_delete(program->kube, path, action->uid, NULL, &answer, err) &&
            err->kind != ERROR_NOT_FOUND)
                return error_wrap(err, "deleting %s %s", dependent_kind_name(action->what),
                                  action->name);
        if (still_there(answer))
                return error_set(err, ERROR_PENDING, "%s %s is kept by a finalizer of somebody",
                                 dependent_kind_name(action->what), action->name);
        store_drop_dependent(program->store, action->uid);
        return true;
}

/* The object of that name as it is now; *object stays NULL when there is none. */
static bool look_up(const struct work *work, const struct action *action, json_t **object,
                    struct error *err)
{
        scoped_free char *path = dependent_path(action->what, action->namespace_name, action->name);

        if (kube_get(work->program->kube, path, object, err) || err->kind == ERROR_NOT_FOUND)
                return true;
        return error_wrap(err, "reading %s %s", dependent_kind_name(action->what), action->name);
}

static enum step delete_live(const struct work *work, const struct action *action,
                             const json_t *object, struct error *err)
{
        struct action live = *action;

        live.uid = json_text_at(object, "metadata.uid");
        if (live.uid == NULL)
                return STEP_DONE;
        if (apply_delete(work->program, &live, err))
                return STEP_DONE;
        return err->kind == ERROR_CONFLICT ? STEP_LOOK_AGAIN : STEP_FAILED;
}

/* The name belongs to another object now, or somebody wrote to it at the same time. */
static enum step settle_conflict(const struct work *work, const struct action *action,
                                 struct error *err)
{
        json_auto_t *object = NULL;

        if (!look_up(work, action, &object, err))
                return STEP_FAILED;

        const char *uid = json_text_at(object, "metadata.uid");
        if (uid == NULL || strcmp(uid, action->uid) != 0)
                store_drop_dependent(work->program->store, action->uid);
        else if (!store_put_dependent(work->program->store, action->what, object, err))
                return STEP_FAILED;
        return STEP_LOOK_AGAIN;
}

static bool is_labelled_for(const struct work *work, const json_t *object)
{
        const char *uid = json_string_value(
                json_object_get(json_at(object, "metadata.labels"), SIGNIN_UID_LABEL));

        return uid != NULL && strcmp(uid, work->session->uid) == 0;
}

/* An object under our name that was not made for us: the next session's, if we are the past
 * already, as only the API server knows. If we are not, nobody's: deleted, never adopted. */
static enum step delete_stranger(const struct work *work, const struct action *action,
                                 const json_t *object, struct error *err)
{
        struct program *program = work->program;
        scoped(dependent_clear) struct dependent dependent = { 0 };
        enum step step = refresh(work, err);

        if (step == STEP_FAILED || work->session->gone)
                return step;
        if (!dependent_decode(action->what, object, program->session_namespace, &dependent, err))
                return STEP_FAILED;
        step = delete_live(work, action, object, err);
        if (step == STEP_DONE)
                report_orphan(program, &dependent);
        return step;
}

/* By its name: what a crash may have left between a write and our knowing of it. */
static enum step delete_unknown(const struct work *work, const struct action *action,
                                struct error *err)
{
        json_auto_t *object = NULL;

        if (!look_up(work, action, &object, err))
                return STEP_FAILED;
        if (object == NULL)
                return STEP_DONE;
        return is_labelled_for(work, object) ? delete_live(work, action, object, err)
                                             : delete_stranger(work, action, object, err);
}

static enum step delete_dependent(const struct work *work, const struct action *action,
                                  struct error *err)
{
        if (action->uid == NULL)
                return delete_unknown(work, action, err);
        if (apply_delete(work->program, action, err))
                return STEP_DONE;
        return err->kind == ERROR_CONFLICT ? settle_conflict(work, action, err) : STEP_FAILED;
}

/* Its name is taken. By our own earlier write, whose answer was lost: then it is known now. By
 * anything else: deleted, never adopted, and the next plan creates it. */
static enum step settle_taken(const struct work *work, const struct action *action,
                              struct error *err)
{
        json_auto_t *object = NULL;

        if (!look_up(work, action, &object, err))
                return STEP_FAILED;
        if (object == NULL)
                return STEP_LOOK_AGAIN;
        if (json_at(object, "metadata.deletionTimestamp") != NULL) {
                error_set(err, ERROR_PENDING, "%s %s is still being deleted",
                          dependent_kind_name(action->what), action->name);
                return STEP_FAILED;
        }
        if (is_labelled_for(work, object))
                return store_put_dependent(work->program->store, action->what, object, err)
                               ? STEP_LOOK_AGAIN
                               : STEP_FAILED;
        if (delete_stranger(work, action, object, err) == STEP_FAILED)
                return STEP_FAILED;
        return STEP_LOOK_AGAIN;
}

static enum step create_failed(const struct work *work, const struct action *action,
                               struct error *err)
{
        if (err->kind == ERROR_CONFLICT)
                return settle_taken(work, action, err);
        if (err->kind == ERROR_NOT_FOUND && action->what == DEPENDENT_BINDING) {
                free(work->findings->missing_namespace);
                work->findings->missing_namespace = xstrdup(action->namespace_name);
                return STEP_LOOK_AGAIN;
        }
        error_wrap(err, "creating %s %s", dependent_kind_name(action->what), action->name);
        return STEP_FAILED;
}

static enum step create_dependent(const struct work *work, const struct action *action,
                                  struct error *err)
{
        const struct signin *signin = &work->observed->signin;
        scoped_free char *path = dependent_path(action->what, action->namespace_name, NULL);
        json_auto_t *body = action->what == DEPENDENT_SERVICE_ACCOUNT
                                    ? objects_service_account(signin)
                                    : objects_binding(signin, action->namespace_name);
        json_auto_t *answer = NULL;

        if (!kube_create(work->program->kube, path, body, &answer, err))
                return create_failed(work, action, err);
        work->findings->repaired |= signin->status.provisioned;
        return store_put_dependent(work->program->store, action->what, answer, err) ? STEP_DONE
                                                                                    : STEP_FAILED;
}

/* What was left in namespaces that nobody told us of: the next plan deletes it, then finishes. */
static enum step find_dependents(const struct work *work, const struct action *action,
                                 struct error *err)
{
        scoped_free char *path = dependent_path(action->what, NULL, NULL);
        const char *field = action->name == NULL ? "" : "&fieldSelector=metadata.name%3D";
        const char *name = action->name == NULL ? "" : action->name;
        scoped_free char *query =
                xasprintf("%s?labelSelector=" SIGNIN_GROUP "%%2Fsignin-uid%%3D%s%s%s", path,
                          work->session->uid, field, name);
        json_auto_t *list = NULL;
        int most = FOUND_MAX;

        if (!kube_get_page_that_fits(work->program->kube, query, &most, &list, err))
                return failed(err, "looking for what was made for", work->observed->signin.name);

        const json_t *items = json_object_get(list, "items");
        for (size_t i = 0; i < json_array_size(items); i++)
                if (!store_put_dependent(work->program->store, action->what,
                                         json_array_get(items, i), err))
                        return STEP_FAILED;
        return work->session->changed ? STEP_LOOK_AGAIN : STEP_DONE;
}

static enum step mark_unbound(const struct work *work, const struct action *action,
                              struct error *err)
{
        (void)action, (void)err;
        work->session->unbound = true;
        return STEP_LOOK_AGAIN;
}

static enum step write_status(const struct work *work, const struct action *action,
                              struct error *err)
{
        scoped_free char *path = signin_path(work, "status");
        json_auto_t *body = signin_encode_status(&work->observed->signin, &work->plan->status);
        json_auto_t *answer = NULL;

        (void)action;
        if (!kube_apply(work->program->kube, path, MANAGER, body, &answer, err)) {
                if (err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND)
                        return refresh(work, err);
                return failed(err, "writing the status of TkaSignin", work->observed->signin.name);
        }
        if (!store_put_signin(work->program->store, answer, err))
                return STEP_FAILED;
        report_status(work->program, &work->observed->signin, &work->plan->status);
        return STEP_DONE;
}

static enum step end_session(const struct work *work, const struct action *action,
                             struct error *err)
{
        const struct signin *signin = &work->observed->signin;
        scoped_free char *path = signin_path(work, NULL);
        json_auto_t *answer = NULL;

        (void)action;
        if (!kube_delete(work->program->kube, path, signin->uid, signin->resource_version, &answer,
                         err)) {
                if (is_stale(err))
                        return refresh(work, err);
                return failed(err, "deleting TkaSignin", signin->name);
        }
        report_session(work->program, REPORT_EXPIRED, signin, &signin->status, NULL);
        if (!still_there(answer))
                return refresh(work, err);
        return store_put_signin(work->program->store, answer, err) ? STEP_DONE : STEP_FAILED;
}

static enum step finish_session(const struct work *work, const struct action *action,
                                struct error *err)
{
        const struct signin *signin = &work->observed->signin;
        scoped_free char *path = signin_path(work, NULL);
        scoped_free char *at =
                xasprintf("/metadata/finalizers/%zu", work->observed->finalizer_index);
        json_auto_t *operations =
                json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s}]", "op", "test", "path",
                          "/metadata/uid", "value", signin->uid, "op", "test", "path", at, "value",
                          SIGNIN_FINALIZER, "op", "remove", "path", at);

        (void)action;
        if (!kube_patch(work->program->kube, path, operations, NULL, err)) {
                if (is_stale(err))
                        return refresh(work, err);
                return failed(err, "taking the finalizer off TkaSignin", signin->name);
        }
        store_finish(work->session);
        report_session(work->program, REPORT_ENDED, signin, &signin->status, NULL);
        return STEP_DONE;
}

static enum step (*const carry_out[])(const struct work *work, const struct action *action,
                                      struct error *err) = {
        [ACTION_READ_ROLE] = read_role,     [ACTION_CREATE] = create_dependent,
        [ACTION_DELETE] = delete_dependent, [ACTION_FIND] = find_dependents,
        [ACTION_UNBOUND] = mark_unbound,    [ACTION_WRITE_STATUS] = write_status,
        [ACTION_END] = end_session,         [ACTION_FINISH] = finish_session,
};

static enum step take_step(const struct work *work, const struct action *action, struct error *err)
{
        if (!lease_allows_write(work->program->lease, err))
                return STEP_FAILED;
        if (lease_term(work->program->lease) != work->term)
                return STEP_LOOK_AGAIN;
        return carry_out[action->kind](work, action, err);
}

/* A dependent that cannot be deleted does not keep the others: a binding that somebody holds is
 * worth nothing once its account is gone. After a failure only deletes, but after a stranger's. */
bool apply(struct program *program, struct session *session, const struct observed *observed,
           const struct plan *plan, struct findings *findings, struct error *err)
{
        const struct work work = { program, session,  observed,
                                   plan,    findings, lease_term(program->lease) };
        bool done = true, held = false;

        for (size_t i = 0; i < plan->count; i++) {
                const struct action *action = &plan->actions[i];
                struct error trouble = { 0 };

                if (held && action->kind != ACTION_DELETE)
                        continue;
                enum step step = take_step(&work, action, &trouble);
                if (step == STEP_LOOK_AGAIN && !held && !action->stranger)
                        return true;
                if (step != STEP_FAILED)
                        continue;
                if (done)
                        *err = trouble;
                done = false;
                held |= !action->stranger;
        }
        return done;
}
