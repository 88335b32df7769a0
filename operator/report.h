/* report.h - what people are told about a session: an audit line, an Event, a count. */
#pragma once

#include "operator/program.h"

enum report {
        REPORT_PROVISIONED,
        REPORT_REPAIRED, /* what was deleted or edited by hand is as it was */
        REPORT_EXTENDED,
        REPORT_SHORTENED,
        REPORT_REFUSED,
        REPORT_EXPIRED,
        REPORT_ENDED,
};

/* status is what holds now; detail says it in words, or NULL. */
void report_session(const struct program *program, enum report report, const struct signin *signin,
                    const struct signin_status *status, const char *detail);
/* A status was written: what changed by that. */
void report_status(const struct program *program, const struct signin *signin,
                   const struct signin_status *status);
/* Everything stands again: says so, if it was made anew. */
struct findings;
void report_repair(const struct program *program, const struct observed *observed,
                   const struct findings *findings);
/* Something that no session owns was deleted. */
void report_orphan(const struct program *program, const struct dependent *orphan);
/* An attempt failed, and there will be another one. */
struct session;
void report_failure(const struct program *program, const struct session *session,
                    const struct error *err);
/* The label value of a metric: roles that are not listed share one. */
const char *report_role_label(const struct program *program, const char *role);
