/* target_book.h - everything we have signed in to, by this kubeconfig or another, and which of it a
 * word means: the name of a context, of a cluster, or a server. */
#pragma once

#include "kubectl-tka/remote/config.h"
#include "kubectl-tka/remote/target.h"

struct target_book {
        struct known_list noted;  /* what no kubeconfig here may have: other shells have theirs */
        struct target_list known; /* of the kubeconfig */
        struct target_list anywhere; /* these, and the noted ones */
};
void target_book_clear(struct target_book *book);

/* Texts are borrowed from files, too. */
void target_book_read(const struct kubeconfig_files *files, struct target_book *book);
/* What word means to who asks one server: of the kubeconfig's contexts, else of the noted ones. May
 * be none. INVALID when they are of several servers. */
bool target_book_select(const struct target_book *book, const char *word,
                        struct target_list *selected, struct error *err) must_check;
/* The server that the operand or --server means, else that of the current context, of the only
 * cluster there is, or of the settings. A word that is no name of ours is a server's. selected: the
 * contexts of ours that are meant, if any. *url is the caller's. */
bool target_book_find_server(const struct target_book *book, const struct config *config,
                             const struct kubeconfig_files *files, struct target_list *selected,
                             char **url, struct error *err) must_check;
