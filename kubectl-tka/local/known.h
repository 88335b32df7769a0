/* known.h - the contexts that this client has written, in a file that is read in a moment: for
 * status and completion, which wait for nobody. The kubeconfig stays what counts. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"
#include "lib/json.h"

struct known {
        char *context;
        char *server, *ca_hash, *cluster, *role; /* the key; role is "" when none was asked for */
        struct text_list roles;                  /* granted there, as far as is known */
};

struct known_list {
        struct known *items;
        size_t count;
};
void known_list_clear(struct known_list *list);

/* A file that cannot be read or understood is an empty list. */
void known_list_read(struct known_list *list);
const struct known *known_find(const struct known_list *list, const char *context);
struct cache_key known_key(const struct known *known); /* borrowed */

/* Under a lock. In place of the one of that context, whose roles are kept; role, which was granted,
 * or NULL joins them. */
bool known_put(const char *context, const struct cache_key *key, const char *role,
               struct error *err) must_check;
/* The context is known no longer. */
bool known_remove(const char *context, struct error *err) must_check;
/* Every context of that server learns what is granted there. */
bool known_set_roles(const char *server, const struct text_list *roles,
                     struct error *err) must_check;
