/* sign_in.h - what login and shell begin with: which server is meant, which cluster it guards, and
 * a token from it. */
#pragma once

#include "kubectl-tka/kubeconfig/kubeconfig_file.h"
#include "kubectl-tka/local/cache_entry.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/remote/ca_hash.h"
#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/target_book.h"
#include "schema/cluster_info.h"

struct sign_in {
        const struct config *config;
        struct kubeconfig_files files;
        struct target_book book;
        struct server server;
        struct cluster_info info;
        struct cache_entry entry;
        char *url, *cluster;
        char *context;    /* its name: --context-name, that of an earlier login, CLUSTER!ROLE */
        const char *role; /* "" when none was asked for */
        char ca_hash[CA_HASH_SIZE];
};
void sign_in_clear(struct sign_in *sign_in);

/* Borrowed from sign_in. */
struct cache_key sign_in_key(const struct sign_in *sign_in);

/* Everything but entry; signs in nobody. The server is authenticated, all that is asked of it later
 * ends within 30 s from now. */
bool sign_in_find(const struct config *config, struct sign_in *sign_in,
                  struct error *err) must_check;
/* Signs in, waits for the operator, and fills entry. */
bool sign_in_fetch(struct sign_in *sign_in, struct error *err) must_check;
/* Then: whether --for or --reason keep the session from being renewed, which entry and mark say
 * from now on; false: mark is as it was. */
bool sign_in_is_once(struct sign_in *sign_in, struct mark *mark);
