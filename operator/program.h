/* program.h - what the parts of this program share. */
#pragma once

#include "operator/reconcile.h"

struct program {
        struct loop *loop;
        struct kube *kube;
        struct metrics *metrics;
        struct store *store;
        struct roles *roles;
        struct events *events;
        struct lease *lease; /* no write without it */
        const char *session_namespace;
        const char *release_namespace; /* where the lease is */
        struct rules rules;
        bool listed; /* all TkaSignins were: a session that is not known was not there. And what
                        they own, unless that took too long */
};
