/* departure.h - what a logout ends at one server: the sessions there, and what lies of them here.
 */
#pragma once

#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/target.h"
#include "lib/json.h"

struct departure {
        struct target_list
                targets; /* contexts that are meant; none where a server alone is named */
        char *url;
        const char *role; /* of the one session that is meant, borrowed; NULL: all at the server */
        int64_t until;    /* of the session that may live on, by this machine's clock */
        size_t ended;
        size_t removed;     /* contexts taken out of the kubeconfig */
        struct error local; /* kind ERROR_NONE: all is forgotten here */
        struct error err;   /* kind ERROR_NONE: the server has answered */
};
void departure_clear(struct departure *departure);

/* Notes a problem here; the first of several is the one that is told. */
void departure_note_problem(struct departure *departure, const struct error *problem);
/* Before the server is asked: whatever it answers, nothing here signs in again by itself. known:
 * contexts, of whatever kubeconfig. */
void departure_forget(struct departure *departure, const struct target_list *known);
/* At the server; no session is fine. */
bool departure_end(struct departure *departure, struct server *server, bool everywhere,
                   struct error *err) must_check;

/* One row of what logout says, for scripts and for people. */
json_t *departure_describe(const struct departure *departure);
void departure_print(const struct departure *departure, struct buf *text);
/* err, with what is so here and there after it. */
void departure_explain(const struct departure *departure, struct error *err);
