/* apply.h - carries a plan out, strictly one write after the other. */
#pragma once

#include "operator/program.h"

struct session;

/* What was found out on the way and the next plan needs. */
struct findings {
        enum role_state role;
        char *missing_namespace;
        bool repaired; /* something was made anew for a session that had it all */
};
void findings_clear(struct findings *findings);

/* Waits. true: done, or something turned out to be otherwise than planned; look again. Every write
 * that is repeated, or comes after another operator's, does no harm. */
bool apply(struct program *program, struct session *session, const struct observed *observed,
           const struct plan *plan, struct findings *findings, struct error *err) must_check;
/* Deletes exactly that object; gone already is done. CONFLICT when its name belongs to another one
 * now. PENDING while somebody's finalizer keeps it. */
bool apply_delete(struct program *program, const struct action *action,
                  struct error *err) must_check;
