#include "server/session.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/duration.h"
#include "lib/fiber.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "server/audit.h"
#include "server/identity.h"
#include "server/place.h"
#include "server/signin_store.h"
#include "server/telemetry.h"

#define TRIES 5 /* of a write that somebody else's write got in the way of */

static bool same_text(const char *text, const char *other)
{
        return text == NULL || other == NULL ? text == other : strcmp(text, other) == 0;
}

int64_t session_ends_at(const struct signin *signin)
{
        struct error err = { 0 };
        int64_t ends = 0;

        return signin_ends_at(signin, &ends, &err) ? ends : 0;
}

static int64_t read_period(const struct signin *signin)
{
        struct error err = { 0 };
        int64_t seconds = 0;

        if (signin->spec.validity_period != NULL &&
            duration_parse_seconds(signin->spec.validity_period, &seconds, &err))
                return seconds;
        return 0;
}

/* known: the session as it is, or NULL; what its spec must not change stays. */
static void build_spec(struct server *server, const struct caller *caller,
                       const struct session_wish *wish, const struct signin *known,
                       struct signin_spec *spec)
{
        const struct tailscale_whois *whois = &caller->whois;
        const struct grant *grant = wish->grant;
        char text[TIMESTAMP_TEXT_SIZE];
        char period[DURATION_TEXT_SIZE];
        const char *issuer = identity_issuer(server->identity);
        const char *reason = wish->reason;

        *spec = (struct signin_spec){
                .username = xstrdup(whois->login),
                .role = xstrdup(grant->role),
                .validity_period = xstrdup(duration_format_seconds(grant->period_seconds, period)),
                .requested_at = xstrdup(timestamp_format(kube_now(server->kube), text)),
                .node = xstrdup(whois->node_name),
                .node_id = xstrdup(whois->node_id),
        };
        if (reason == NULL && known != NULL)
                reason = known->spec.reason;
        spec->user_id = xstrdup(known != NULL ? known->spec.user_id : whois->user_id);
        spec->issuer = xstrdup(known != NULL ? known->spec.issuer : issuer);
        spec->reason = xstrdup(reason);
        text_list_add_all(&spec->namespaces, grant->namespaces);
}

static bool check_role_exists(struct server *server, const char *role, struct error *err)
{
        static const struct kube_resource roles = { "rbac.authorization.k8s.io", "v1",
                                                    "clusterroles" };
        scoped_free char *path = kube_path(&roles, NULL, role, NULL);

        if (kube_get(server->kube, path, NULL, err))
                return true;
        if (err->kind == ERROR_NOT_FOUND)
                return error_set_status(err, ERROR_INVALID, 422,
                                        "there is no ClusterRole \"%s\" in this cluster", role);
        return signin_store_explain(err, "reading the ClusterRole");
}

/* A login that was given to somebody else meanwhile does not inherit the session; and what cannot
 * be read is not extended. */
static bool can_be_extended(const struct signin *known, const struct caller *caller)
{
        return known->spec.validity_period != NULL &&
               (known->spec.user_id == NULL ||
                same_text(known->spec.user_id, caller->whois.user_id));
}

static bool end_known(struct server *server, const struct signin *known,
                      const struct session_wish *wish, struct error *err)
{
        return (session_end(server, known, err) &&
                signin_store_wait_gone(server->signins, known->name, known->uid, wish->deadline_ms,
                                       err)) ||
               signin_store_explain(err, "ending the session of that name, which is another user's "
                                         "or cannot be read");
}

static char *name_rule(const struct rule *rule)
{
        return xasprintf("%s[%lld]", rule->capability, (long long)rule->index);
}

static void note_written(struct server *server, struct caller *caller,
                         const struct session_wish *wish, const struct signin *signin, bool begun)
{
        scoped_free char *rule = name_rule(wish->grant->rule);
        const struct audit audit = { .event = begun ? "login" : "extend",
                                     .trace_id = caller->trace_id,
                                     .whois = &caller->whois,
                                     .signin = signin,
                                     .rule = rule };

        audit_write(&audit);
        snprintf(caller->outcome, sizeof(caller->outcome), "%s", begun ? "created" : "extended");
        if (begun)
                telemetry_count_signin(server, signin->spec.role);
}

/* known: a copy of the session there is, or an empty one. */
static bool write_session(struct server *server, struct caller *caller,
                          const struct session_wish *wish, struct signin *known,
                          struct signin *signin, struct error *err)
{
        scoped(signin_spec_clear) struct signin_spec spec = { 0 };
        scoped(place_leave) struct place place = { 0 };
        char name[SIGNIN_NAME_SIZE];
        bool begun = known->name == NULL || known->deletion_at != 0;

        if (!begun && !can_be_extended(known, caller)) {
                if (!end_known(server, known, wish, err))
                        return false;
                begun = true;
        }
        build_spec(server, caller, wish, begun ? NULL : known, &spec);
        if (!place_take(server, &caller->whois, signin_name(&spec, name), &place, err) ||
            (begun && !check_role_exists(server, wish->grant->role, err)))
                return false;
        if (!signin_store_apply(server->signins, &spec, wish->deadline_ms, signin, err))
                return signin_store_explain(err, "signing in");
        note_written(server, caller, wish, signin, begun);
        return true;
}

/* The session that the grant is about, copied; an empty one when there is none. */
static void find_session(struct server *server, const struct caller *caller,
                         const struct session_wish *wish, struct signin *known)
{
        scoped(signin_spec_clear) struct signin_spec spec = { 0 };
        char name[SIGNIN_NAME_SIZE];

        build_spec(server, caller, wish, NULL, &spec);
        const struct signin *found = signin_store_find(server->signins, signin_name(&spec, name));
        if (found != NULL)
                signin_copy(known, found);
}

bool session_start(struct server *server, struct caller *caller, const struct session_wish *wish,
                   struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin known = { 0 };

        if (!signin_store_check(server->signins, err))
                return false;
        find_session(server, caller, wish, &known);
        return write_session(server, caller, wish, &known, signin, err);
}

/* It lasts for a while yet, or would not last longer if it began now. */
static bool is_worth_keeping(const struct signin *signin, const struct caller *caller,
                             int64_t period_seconds, int64_t now)
{
        int64_t ends = session_ends_at(signin);

        if (signin->name == NULL || signin->deletion_at != 0 || ends <= now ||
            !same_text(signin->spec.user_id, caller->whois.user_id))
                return false;
        return ends - now >= signin_renewal_seconds(read_period(signin)) ||
               now + period_seconds <= ends;
}

bool session_renew(struct server *server, struct caller *caller, const struct session_wish *wish,
                   struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin known = { 0 };

        if (!signin_store_check(server->signins, err))
                return false;
        find_session(server, caller, wish, &known);
        if (!is_worth_keeping(&known, caller, wish->grant->period_seconds, kube_now(server->kube)))
                return write_session(server, caller, wish, &known, signin, err);
        snprintf(caller->outcome, sizeof(caller->outcome), "kept");
        signin_clear(signin);
        *signin = known;
        known = (struct signin){ 0 };
        return true;
}

/* The better of two sessions to speak of: that of the rule that wins, then the one that lasts. */
static bool is_better(const struct signin *signin, const struct signin *best,
                      const struct rule *winner)
{
        if (best == NULL)
                return true;

        bool wins = winner != NULL && strcmp(signin->spec.role, winner->role) == 0;
        bool best_wins = winner != NULL && strcmp(best->spec.role, winner->role) == 0;
        if (wins != best_wins)
                return wins;
        return session_ends_at(signin) > session_ends_at(best);
}

bool session_pick(struct server *server, const struct caller *caller, const char *role,
                  struct signin *signin, struct error *err)
{
        const struct rule *winner = grant_find(&caller->capability, NULL, NULL);
        const struct signin *best = NULL;

        if (!signin_store_check(server->signins, err))
                return false;
        for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                const struct signin *found = signin_store_at(server->signins, i);
                const struct signin_spec *spec = &found->spec;

                if (signin_belongs_to(found, caller->whois.login, caller->whois.node_id) &&
                    found->deletion_at == 0 &&
                    (spec->user_id == NULL || same_text(spec->user_id, caller->whois.user_id)) &&
                    session_ends_at(found) > kube_now(server->kube) &&
                    (role == NULL || strcmp(spec->role, role) == 0) &&
                    grant_find(&caller->capability, spec->role, &spec->namespaces) != NULL &&
                    is_better(found, best, winner))
                        best = found;
        }
        if (best == NULL)
                return error_set(err, ERROR_UNAUTHENTICATED, "User not signed in") ||
                       error_advise(err, "run 'kubectl tka login' to sign in first");
        signin_clear(signin);
        signin_copy(signin, best);
        return true;
}

/* Reasons of the operator that time does not mend. */
static bool is_final(const char *reason)
{
        static const char *const reasons[] = { "RoleNotFound", "RoleNotAllowed",
                                               "NamespaceNotFound", "InvalidPeriod",
                                               "NameMismatch" };

        for (size_t i = 0; reason != NULL && i < ARRAY_LENGTH(reasons); i++)
                if (strcmp(reason, reasons[i]) == 0)
                        return true;
        return false;
}

bool session_check_ready(const struct signin *signin, int64_t now, struct error *err)
{
        const struct signin_status *status = &signin->status;
        bool current = status->observed_generation == signin->generation && status->ready != NULL;

        if (signin->deletion_at != 0 || session_ends_at(signin) <= now)
                return error_set(err, ERROR_UNAUTHENTICATED, "the session has ended");
        if (current && strcmp(status->ready, "True") == 0 && status->provisioned &&
            status->service_account_uid != NULL)
                return true;
        if (current && strcmp(status->ready, "False") == 0 && is_final(status->ready_reason))
                return error_set_status(err, ERROR_INVALID, 422, "%s: %s", status->ready_reason,
                                        status->ready_message != NULL ? status->ready_message
                                                                      : "the operator refused");
        return error_set(err, ERROR_PENDING, "the session is not provisioned yet");
}

bool session_wait_ready(struct server *server, const char *name, int64_t deadline_ms,
                        struct signin *signin, struct error *err)
{
        for (;;) {
                const struct signin *found = signin_store_find(server->signins, name);

                if (found == NULL)
                        return error_set(err, ERROR_UNAUTHENTICATED, "the session has ended");
                signin_clear(signin);
                signin_copy(signin, found);
                if (session_check_ready(signin, kube_now(server->kube), err))
                        return true;
                if (err->kind != ERROR_PENDING || loop_left_ms(deadline_ms) == 0)
                        return false;
                if (!signin_store_admits(server->signins, err))
                        return false;
                fiber_trim();
                if (!signin_store_wait(server->signins, name, deadline_ms, err))
                        return error_set(err, ERROR_PENDING, "the session is not provisioned yet");
        }
}

bool session_end(struct server *server, const struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin judged = { 0 };

        signin_copy(&judged, signin);
        for (int tries = 0; tries < TRIES; tries++) {
                if (signin_store_delete(server->signins, &judged, err))
                        return true;
                if (err->kind != ERROR_CONFLICT)
                        return false;

                const struct signin *found = signin_store_find(server->signins, signin->name);
                if (found == NULL || strcmp(found->uid, signin->uid) != 0)
                        return true;
                signin_clear(&judged);
                signin_copy(&judged, found);
        }
        return false;
}

void session_withdraw(struct server *server, const struct signin *judged, const char *why,
                      const char *trace_id)
{
        struct error err = { 0 };
        const struct audit audit = {
                .event = "withdraw", .trace_id = trace_id, .signin = judged, .cause = why
        };

        if (signin_store_delete(server->signins, judged, &err))
                audit_write(&audit);
        else
                log_event(LOG_LEVEL_WARN, "a session could not be withdrawn, trying again later",
                          "session", judged->name, "error", err.text, "trace_id", trace_id, NULL);
}

static void shorten(struct server *server, struct signin *judged, const struct rule *rule,
                    const char *trace_id)
{
        struct error err = { 0 };
        char period[DURATION_TEXT_SIZE];
        scoped_free char *rule_text = name_rule(rule);
        const struct audit audit = { .event = "shorten",
                                     .trace_id = trace_id,
                                     .signin = judged,
                                     .rule = rule_text,
                                     .cause = "the granted period became shorter" };

        free(judged->spec.validity_period);
        judged->spec.validity_period =
                xstrdup(duration_format_seconds(rule->period_seconds, period));
        if (signin_store_amend(server->signins, judged, &judged->spec, &err))
                audit_write(&audit);
        else
                log_event(LOG_LEVEL_WARN, "a session could not be shortened, trying again later",
                          "session", judged->name, "error", err.text, "trace_id", trace_id, NULL);
}

/* What the rules say of a session that is ours to judge. */
static bool needs_change(const struct server *server, const struct signin *signin,
                         const struct tailscale_whois *whois, const struct capability *capability,
                         const struct rule **rule)
{
        const char *issuer = identity_issuer(server->identity);

        if (!signin_belongs_to(signin, whois->login, whois->node_id) || signin->deletion_at != 0 ||
            issuer == NULL || !same_text(signin->spec.issuer, issuer))
                return false;
        *rule = grant_find(capability, signin->spec.role, &signin->spec.namespaces);
        return *rule == NULL || read_period(signin) > (*rule)->period_seconds;
}

void session_judge(struct server *server, const struct tailscale_whois *whois,
                   const struct capability *capability, const char *trace_id)
{
        scoped(text_list_clear) struct text_list names = { 0 };
        const struct rule *rule = NULL;

        for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                const struct signin *signin = signin_store_at(server->signins, i);

                if (needs_change(server, signin, whois, capability, &rule))
                        text_list_add(&names, signin->name);
        }
        for (size_t i = 0; i < names.count; i++) {
                scoped(signin_clear) struct signin judged = { 0 };
                const struct signin *found = signin_store_find(server->signins, names.items[i]);

                if (found == NULL || !needs_change(server, found, whois, capability, &rule))
                        continue;
                signin_copy(&judged, found);
                if (rule == NULL)
                        session_withdraw(server, &judged, "no rule grants it any longer", trace_id);
                else
                        shorten(server, &judged, rule, trace_id);
        }
}
