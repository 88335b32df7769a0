/* drain.h - the command before an uninstall: ends every session, and lets nobody begin another. */
#pragma once

#include "lib/api/kube.h"

/* What the last look found. */
struct drain_sight {
        bool known;  /* the API server answered */
        size_t left; /* sessions */
        bool right;  /* by which tka-server writes them: it was there once more */
};
/* That it was given up, with what is known of why; err says it already where nothing is known. */
void drain_explain(const struct drain_sight *last, struct error *err);

/* Takes away the RoleBinding by which tka-server writes sessions, deletes every TkaSignin, and
 * waits until a running tka-operator has taken away what each had. record: struct config. */
bool drain_run(void *record, struct kube_config *kube_config, struct error *err) must_check;
