#include "operator/report.h"

#include <stdio.h>
#include <string.h>

#include "lib/daemon/metrics.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "operator/apply.h"
#include "operator/events.h"
#include "operator/measures.h"
#include "operator/store.h"

static const struct row {
        const char *message;       /* of the log line */
        const char *type, *reason; /* of the Event; reason NULL: the status says it */
        const char *action;
        const char *note;
} rows[] = {
        [REPORT_PROVISIONED] = { "session provisioned",     "Normal",  "Provisioned", "Provision",
                                "signed in"                                                                           },
        [REPORT_REPAIRED] = { "session repaired",        "Normal",  "Repaired",    "Provision",
                                "made anew what was deleted or edited"                                                },
        [REPORT_EXTENDED] = { "session extended",        "Normal",  "Extended",    "Extend",    "extended"         },
        [REPORT_SHORTENED] = { "session shortened",       "Normal",  "Shortened",   "Shorten",   "shortened"        },
        [REPORT_REFUSED] = { "session not provisioned", "Warning", NULL,          "Provision", ""                 },
        [REPORT_EXPIRED] = { "session expired",         "Normal",  "Expired",     "End",       "its time is over" },
        [REPORT_ENDED] = { "session ended",           "Normal",  "Ended",       "End",
                                "its binding and ServiceAccount are gone"                                             },
};

const char *report_role_label(const struct program *program, const char *role)
{
        return role != NULL && text_list_has(program->rules.roles, role) ? role : "other";
}

static void write_line(const struct row *row, const struct signin *signin,
                       const struct signin_status *status, const char *reason)
{
        const struct signin_spec *spec = &signin->spec;

        log_audit(LOG_LEVEL_INFO, row->message, "login", spec->username, "user_id", spec->user_id,
                  "node", spec->node, "node_id", spec->node_id, "role", spec->role, "reason",
                  spec->reason, "service_account", status->service_account_name,
                  "service_account_uid", status->service_account_uid, "until", status->valid_until,
                  "outcome", reason, "detail", status->ready_message, "signin", signin->name,
                  "signin_uid", signin->uid, NULL);
}

/* Of one that cannot be read nobody knows whose it is. */
static char *describe(const struct signin *signin, const struct row *row)
{
        const struct signin_spec *spec = &signin->spec;

        return spec->username == NULL
                       ? xstrdup(row->note)
                       : xasprintf("%s as %s: %s", spec->username, spec->role, row->note);
}

void report_session(const struct program *program, enum report report, const struct signin *signin,
                    const struct signin_status *status, const char *detail)
{
        const struct row *row = &rows[report];
        const char *reason = row->reason != NULL ? row->reason : status->ready_reason;
        scoped_free char *note = detail != NULL ? xstrdup(detail) : describe(signin, row);

        write_line(row, signin, status, reason);
        events_post(program->events, signin, row->type, reason, row->action, note);
        if (report == REPORT_PROVISIONED)
                metrics_add(program->metrics, MEASURE_SIGNINS,
                            (const char *[]){ report_role_label(program, signin->spec.role) }, 1);
}

static bool text_differs(const char *text, const char *other)
{
        return text == NULL || other == NULL || strcmp(text, other) != 0;
}

/* Both times are written alike, so that their order is that of the texts. */
static enum report find_direction(const char *before, const char *after)
{
        return before == NULL || strcmp(before, after) < 0 ? REPORT_EXTENDED : REPORT_SHORTENED;
}

void report_status(const struct program *program, const struct signin *signin,
                   const struct signin_status *status)
{
        const struct signin_status *old = &signin->status;

        if (!status->provisioned) {
                if (text_differs(old->ready_reason, status->ready_reason))
                        report_session(program, REPORT_REFUSED, signin, status,
                                       status->ready_message);
        } else if (!old->provisioned) {
                report_session(program, REPORT_PROVISIONED, signin, status, NULL);
        } else if (text_differs(old->valid_until, status->valid_until)) {
                report_session(program, find_direction(old->valid_until, status->valid_until),
                               signin, status, NULL);
        }
}

void report_repair(const struct program *program, const struct observed *observed,
                   const struct findings *findings)
{
        if (findings->repaired && observed->signin.status.provisioned)
                report_session(program, REPORT_REPAIRED, &observed->signin,
                               &observed->signin.status, NULL);
}

void report_orphan(const struct program *program, const struct dependent *orphan)
{
        const char *kind = dependent_kind_name(orphan->kind);

        log_audit(LOG_LEVEL_WARN, "removed an object that no session owns", "kind", kind,
                  "namespace", orphan->namespace_name, "name", orphan->name, "uid", orphan->uid,
                  "signin_uid", orphan->signin_uid, "role", orphan->role, NULL);
        metrics_add(program->metrics, MEASURE_ORPHANS, (const char *[]){ kind }, 1);
}

void report_failure(const struct program *program, const struct session *session,
                    const struct error *err)
{
        char failures[16];

        snprintf(failures, sizeof(failures), "%u", session->failures + 1);
        log_event(LOG_LEVEL_WARN, "a session is not as it should be, trying again", "signin",
                  session->signin.name, "signin_uid", session->uid, "error", err->text, "failures",
                  failures, NULL);
        metrics_add(program->metrics, MEASURE_RECONCILE_FAILURES, NULL, 1);
}
