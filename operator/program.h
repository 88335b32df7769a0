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
        bool listed; /* everything was listed once: what is not in the store was not there */
};
