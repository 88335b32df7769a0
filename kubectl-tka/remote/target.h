/* target.h - the clusters we have signed in to: the contexts in the kubeconfig that carry our mark.
 */
#pragma once

#include "kubectl-tka/kubeconfig/kubeconfig_file.h"
#include "kubectl-tka/local/known.h"

/* Texts are borrowed from the kubeconfig files, or from what is noted. */
struct target {
        const char *context;
        struct cache_key key;
};

struct target_list {
        struct target *items;
        size_t count;
};
void target_list_clear(struct target_list *list);

void target_list_add(struct target_list *list, const struct target *target);
/* Unless one with the same key is there, by whatever name. */
void target_list_add_once(struct target_list *list, const struct target *target);
void target_list_read(const struct kubeconfig_files *files, struct target_list *list);
/* Joins those that are noted as signed in to, by whatever kubeconfig. */
void target_list_read_noted(const struct known_list *noted, struct target_list *list);
/* The context of that name, or NULL. */
const struct target *target_find(const struct target_list *list, const char *context);
/* The same context, written for the same. */
bool target_list_has(const struct target_list *list, const struct target *target);
/* What word means: the context of that name, else the contexts of the cluster of that name, else
 * those of the server with that URL (NULL: not asked for). May be none. */
void target_list_select(const struct target_list *list, const char *word, const char *url,
                        struct target_list *selected);
/* The same for who asks one server. INVALID when they are of several: two clusters may have one
 * name, and what one server gives is not for the other. */
bool target_list_select_server(const struct target_list *list, const char *word,
                               struct target_list *selected, struct error *err) must_check;
/* The one role that word is about, which has selected them; borrowed: it names a context that was
 * written for a role, and not the whole cluster. Else, and without a word, NULL. */
const char *target_list_role(const struct target_list *selected, const char *word);
/* Where the plugin that the context's user runs keeps its tokens; false: it does not say. */
bool target_cache(const struct kubeconfig_files *files, const struct target *target,
                  unsigned *tiers) must_check;
/* Without a word: the current context's cluster, else the only one there is. INVALID when that is
 * not clear. None is no error. */
bool target_list_select_usual(const struct target_list *list, const char *current_context,
                              struct target_list *selected, struct error *err) must_check;
