#include "operator/reconcile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/timestamp.h"
#include "operator/refusal.h"

#define MESSAGE_SIZE 640

/* What everything below is about. */
struct view {
        const struct observed *observed;
        const struct signin *signin;
        const struct rules *rules;
        int64_t now;
        int64_t requested_at, ends_at; /* 0: cannot be read */
};

void observed_clear(struct observed *observed)
{
        signin_clear(&observed->signin);
        for (size_t i = 0; i < observed->dependent_count; i++)
                dependent_clear(&observed->dependents[i]);
        free(observed->dependents);
        *observed = (struct observed){ 0 };
}

void plan_clear(struct plan *plan)
{
        signin_status_clear(&plan->status);
        free(plan->binding_name);
        *plan = (struct plan){ 0 };
}

/* What does not fit is left to the next plan: what must come last is then not in this one. */
static void add(struct plan *plan, const struct action *action)
{
        if (plan->count < PLAN_ACTIONS)
                plan->actions[plan->count++] = *action;
}

static void add_step(struct plan *plan, enum action_kind kind)
{
        add(plan, &(struct action){ .kind = kind });
}

static void add_delete(struct plan *plan, const struct dependent *dependent, bool stranger)
{
        add(plan, &(struct action){ .kind = ACTION_DELETE,
                                    .what = dependent->kind,
                                    .namespace_name = dependent->namespace_name,
                                    .name = dependent->name,
                                    .uid = dependent->uid,
                                    .stranger = stranger });
}

static bool is_stranger(const struct observed *observed, const struct dependent *dependent,
                        const struct plan *plan)
{
        return plan->binding_name == NULL ||
               !dependent_is_own(dependent, &observed->signin, plan->binding_name);
}

static bool is_account(const struct dependent *dependent)
{
        return dependent->kind == DEPENDENT_SERVICE_ACCOUNT;
}

static void delete_own(const struct observed *observed, bool accounts, struct plan *plan)
{
        for (size_t i = 0; i < observed->dependent_count; i++) {
                const struct dependent *dependent = &observed->dependents[i];

                if (is_account(dependent) == accounts && !is_stranger(observed, dependent, plan))
                        add_delete(plan, dependent, false);
        }
}

/* What is already being deleted goes once nobody holds it any more, which the watch tells. */
static void delete_strangers(const struct observed *observed, struct plan *plan)
{
        size_t count = 0;

        for (int accounts = 0; accounts < 2; accounts++) {
                for (size_t i = 0; i < observed->dependent_count; i++) {
                        const struct dependent *dependent = &observed->dependents[i];

                        if (is_account(dependent) != (accounts != 0) || dependent->ending ||
                            !is_stranger(observed, dependent, plan))
                                continue;
                        if (count++ == PLAN_STRANGERS)
                                return;
                        add_delete(plan, dependent, true);
                }
        }
}

/* Rights go first, the account that had them after. */
static void delete_all(const struct observed *observed, struct plan *plan)
{
        delete_own(observed, false, plan);
        delete_own(observed, true, plan);
        delete_strangers(observed, plan);
}

static const struct dependent *find(const struct observed *observed, enum dependent_kind kind,
                                    const char *namespace_name, const char *name)
{
        for (size_t i = 0; i < observed->dependent_count; i++) {
                const struct dependent *dependent = &observed->dependents[i];

                if (dependent->kind == kind && strcmp(dependent->name, name) == 0 &&
                    strcmp(dependent->namespace_name, namespace_name) == 0)
                        return dependent;
        }
        return NULL;
}

/* What has never been seen may still be there: a crash came between a write and our knowing. */
static void look_and_delete(const struct observed *observed, enum dependent_kind kind,
                            const char *namespace_name, const char *name, struct plan *plan)
{
        if (find(observed, kind, namespace_name, name) == NULL)
                add(plan, &(struct action){ .kind = ACTION_DELETE,
                                            .what = kind,
                                            .namespace_name = namespace_name,
                                            .name = name });
}

static void look_for_bindings(const struct observed *observed, struct plan *plan)
{
        const struct text_list *namespaces = &observed->signin.spec.namespaces;

        if (namespaces->count == 0)
                look_and_delete(observed, DEPENDENT_CLUSTER_BINDING, "", plan->binding_name, plan);
        for (size_t i = 0; i < namespaces->count; i++)
                look_and_delete(observed, DEPENDENT_BINDING, namespaces->items[i],
                                plan->binding_name, plan);
        if (namespaces->count > 0)
                add(plan, &(struct action){ .kind = ACTION_FIND,
                                            .what = DEPENDENT_BINDING,
                                            .stranger = true });
}

/* The spec that they were made from cannot be read, or is another one now. So nobody knows in which
 * namespaces they are; and what has their name is not deleted for that alone, as the name of the
 * TkaSignin may be anything: only what has the label as well. */
static void find_bindings(struct plan *plan)
{
        static const enum dependent_kind bindings[] = { DEPENDENT_CLUSTER_BINDING,
                                                        DEPENDENT_BINDING };

        for (size_t i = 0; i < ARRAY_LENGTH(bindings); i++)
                add(plan, &(struct action){ .kind = ACTION_FIND,
                                            .what = bindings[i],
                                            .name = plan->binding_name });
}

static void plan_unbinding(const struct observed *observed, struct plan *plan)
{
        if (signin_name_is_ours(&observed->signin))
                look_for_bindings(observed, plan);
        else
                find_bindings(plan);
        add_step(plan, ACTION_UNBOUND);
}

/* No account is looked for under a name that is not ours: it would be a stranger's. Without our
 * finalizer it is over with what is known, as the object can vanish at any moment. */
static void plan_teardown(const struct observed *observed, struct plan *plan)
{
        const struct signin *signin = &observed->signin;

        delete_own(observed, false, plan);
        if (signin->has_finalizer && !observed->unbound)
                plan_unbinding(observed, plan);
        delete_own(observed, true, plan);
        if (signin->has_finalizer && signin_name_is_ours(signin))
                look_and_delete(observed, DEPENDENT_SERVICE_ACCOUNT, signin->namespace_name,
                                signin->name, plan);
        delete_strangers(observed, plan);
        if (signin->has_finalizer)
                add_step(plan, ACTION_FINISH);
}

static bool text_equals(const char *text, const char *other)
{
        return text == other || (text != NULL && other != NULL && strcmp(text, other) == 0);
}

static bool status_equals(const struct signin_status *status, const struct signin_status *other)
{
        return status->provisioned == other->provisioned &&
               status->observed_generation == other->observed_generation &&
               text_equals(status->signed_in, other->signed_in) &&
               text_equals(status->valid_until, other->valid_until) &&
               text_equals(status->service_account_name, other->service_account_name) &&
               text_equals(status->service_account_uid, other->service_account_uid) &&
               text_equals(status->ready, other->ready) &&
               text_equals(status->ready_reason, other->ready_reason) &&
               text_equals(status->ready_message, other->ready_message);
}

/* The time of the condition moves when it turns, not when its words change. */
static void plan_status(const struct view *view, const char *ready, const char *reason,
                        const char *message, struct plan *plan)
{
        const struct signin_status *old = &view->signin->status;
        struct signin_status *status = &plan->status;
        bool same = text_equals(old->ready, ready) && old->ready_changed_at != NULL;
        char now[TIMESTAMP_TEXT_SIZE];

        status->observed_generation = view->signin->generation;
        status->ready = xstrdup(ready);
        status->ready_reason = xstrdup(reason);
        status->ready_message = xstrdup(message);
        status->ready_changed_at =
                xstrdup(same ? old->ready_changed_at : timestamp_format(view->now, now));
        if (!status_equals(status, old))
                add_step(plan, ACTION_WRITE_STATUS);
}

static void refuse(const struct view *view, const char *reason, const char *message,
                   struct plan *plan)
{
        delete_all(view->observed, plan);
        plan_status(view, "False", reason, message, plan);
        if (view->requested_at > view->now + REFUSAL_FUTURE_SECONDS)
                plan->due_at = view->requested_at - REFUSAL_FUTURE_SECONDS;
}

/* Deletes what is not as it was made; what is already being deleted is left to whoever holds it. */
static void delete_edited(const struct view *view, struct plan *plan)
{
        const struct observed *observed = view->observed;

        for (size_t i = observed->dependent_count; i-- > 0;) {
                const struct dependent *dependent = &observed->dependents[i];

                if (!dependent->ending && !is_stranger(observed, dependent, plan) &&
                    !dependent_is_as_made(dependent, view->signin))
                        add_delete(plan, dependent, false);
        }
}

static const struct dependent *find_sound(const struct view *view, enum dependent_kind kind,
                                          const char *namespace_name, const char *name)
{
        const struct dependent *dependent = find(view->observed, kind, namespace_name, name);

        return dependent != NULL && !dependent->ending &&
                               dependent_is_as_made(dependent, view->signin)
                       ? dependent
                       : NULL;
}

static void create_binding(const struct view *view, enum dependent_kind kind,
                           const char *namespace_name, struct plan *plan)
{
        if (find_sound(view, kind, namespace_name, plan->binding_name) == NULL)
                add(plan, &(struct action){ .kind = ACTION_CREATE,
                                            .what = kind,
                                            .namespace_name = namespace_name,
                                            .name = plan->binding_name });
}

static void create_bindings(const struct view *view, struct plan *plan)
{
        const struct text_list *namespaces = &view->signin->spec.namespaces;

        if (namespaces->count == 0)
                create_binding(view, DEPENDENT_CLUSTER_BINDING, "", plan);
        for (size_t i = 0; i < namespaces->count; i++)
                create_binding(view, DEPENDENT_BINDING, namespaces->items[i], plan);
}

static void create_account(const struct view *view, struct plan *plan)
{
        const struct signin *signin = view->signin;

        if (find_sound(view, DEPENDENT_SERVICE_ACCOUNT, signin->namespace_name, signin->name) ==
            NULL)
                add(plan, &(struct action){ .kind = ACTION_CREATE,
                                            .what = DEPENDENT_SERVICE_ACCOUNT,
                                            .namespace_name = signin->namespace_name,
                                            .name = signin->name });
}

/* Everything stands: says so, with the account's uid. */
static void plan_ready(const struct view *view, struct plan *plan)
{
        const struct signin *signin = view->signin;
        const struct dependent *account =
                find_sound(view, DEPENDENT_SERVICE_ACCOUNT, signin->namespace_name, signin->name);
        char begins[TIMESTAMP_TEXT_SIZE];
        char ends[TIMESTAMP_TEXT_SIZE];
        char message[MESSAGE_SIZE];

        assert(account != NULL);
        timestamp_format(view->requested_at, begins);
        timestamp_format(view->ends_at, ends);
        snprintf(message, sizeof(message), "%s until %s", signin->spec.role, ends);
        plan->status.provisioned = true;
        plan->status.signed_in = xstrdup(begins);
        plan->status.valid_until = xstrdup(ends);
        plan->status.service_account_name = xstrdup(account->name);
        plan->status.service_account_uid = xstrdup(account->uid);
        plan_status(view, "True", "Provisioned", message, plan);
}

/* Waits for what an administrator can still make: a role, a namespace. */
static void plan_patience(const struct view *view, const char *reason, const char *what,
                          const char *name, struct plan *plan)
{
        char message[MESSAGE_SIZE];

        snprintf(message, sizeof(message), "%s \"%s\" does not exist%s", what, name,
                 strcmp(what, "namespace") == 0 ? ", or is being deleted" : "");
        plan_status(view, "False", reason, message, plan);
        plan->retry = true;
}

static void plan_provision(const struct view *view, struct plan *plan)
{
        const struct observed *observed = view->observed;

        delete_edited(view, plan);
        if (plan->count > 0)
                return;
        delete_strangers(observed, plan);

        size_t deletes = plan->count;
        create_account(view, plan);
        create_bindings(view, plan);
        if (plan->count == deletes) {
                plan_ready(view, plan);
                return;
        }
        if (observed->role == ROLE_EXISTS && observed->missing_namespace == NULL)
                return;
        plan->count = deletes;
        if (observed->role == ROLE_UNKNOWN)
                add_step(plan, ACTION_READ_ROLE);
        else if (observed->role == ROLE_MISSING)
                plan_patience(view, "RoleNotFound", "ClusterRole", view->signin->spec.role, plan);
        else
                plan_patience(view, "NamespaceNotFound", "namespace", observed->missing_namespace,
                              plan);
}

/* Over. An object without our finalizer would vanish and leave its rights: they go first. */
static void plan_end(const struct view *view, struct plan *plan)
{
        if (!view->signin->has_finalizer)
                delete_all(view->observed, plan);
        add_step(plan, ACTION_END);
}

static void plan_session(const struct view *view, struct plan *plan)
{
        char message[REFUSAL_MESSAGE_SIZE];
        const char *refusal = refusal_find(view->signin, view->rules, view->now, message);
        bool ours = signin_name_is_ours(view->signin);

        if (ours && view->ends_at != 0 && view->now >= view->ends_at) {
                plan_end(view, plan);
                return;
        }
        if (ours)
                plan->due_at = view->ends_at;
        if (refusal != NULL)
                refuse(view, refusal, message, plan);
        else
                plan_provision(view, plan);
}

void reconcile(const struct observed *observed, const struct rules *rules, int64_t now,
               struct plan *plan)
{
        struct view view = { observed, &observed->signin, rules, now, 0, 0 };

        if (observed->known)
                plan->binding_name = dependent_binding_name(&observed->signin);
        if (observed->gone)
                delete_all(observed, plan);
        if (observed->gone || !observed->known)
                return;
        refusal_read_times(&observed->signin, &view.requested_at, &view.ends_at);
        if (observed->signin.deletion_at != 0)
                plan_teardown(observed, plan);
        else
                plan_session(&view, plan);
}
