/* stanza.h - the three entries that login writes into a kubeconfig: cluster, user, context. Pure.
 */
#pragma once

#include <jansson.h>

#include "kubectl-tka/config.h"
#include "kubectl-tka/local/cache_entry.h"
#include "schema/cluster_info.h"

#define STANZA_EXTENSION "tka.specht-labs.de" /* marks what is ours */

struct stanza {
        const char *name; /* of all three */
        const struct cluster_info *cluster;
        struct cache_key key;
        const struct config *config; /* where it says more than its defaults, so does the user */
        const char *command; /* what kubectl runs; NULL: kubectl-tka, wherever PATH has it */
};

/* List items: {"name": ..., "cluster": {...}}. The caller's. */
json_t *stanza_cluster(const struct stanza *stanza);
json_t *stanza_user(const struct stanza *stanza);
json_t *stanza_context(const struct stanza *stanza);
/* A kubeconfig of these three, with the context as the current one. The caller's. */
json_t *stanza_kubeconfig(const struct stanza *stanza);

/* What our mark in a list item says, borrowed from the item; false: it carries none. */
bool stanza_read_mark(const json_t *item, struct cache_key *key);
/* What people and other tools put into an entry of ours and a new login keeps: a context's
 * namespace, a cluster's proxy, extensions of others. item is changed. */
void stanza_keep(json_t *item, const json_t *old);
