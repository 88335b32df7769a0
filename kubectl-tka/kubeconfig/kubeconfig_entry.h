/* kubeconfig_entry.h - the cluster, user and context of a login in the kubeconfig: whether their
 * name is free, putting them there, and taking them out again. */
#pragma once

#include "kubectl-tka/kubeconfig/kubeconfig_file.h"
#include "kubectl-tka/kubeconfig/stanza.h"

/* CONFLICT where an entry of that name is not ours, or leads to another cluster. */
bool kubeconfig_entry_check(const struct kubeconfig_files *files, const struct stanza *stanza,
                            struct error *err) must_check;

/* Where they are by now. */
struct kubeconfig_place {
        char *file;
        bool is_current; /* kubectl uses the context without being told to */
};
void kubeconfig_place_clear(struct kubeconfig_place *place);

/* Where a new entry would go, or where the one of that name is. The caller's. */
char *kubeconfig_entry_file(const struct kubeconfig_files *files, const struct stanza *stanza);
/* Writes them into the files as those are by now. The context becomes the current one where there
 * is no other, and where the person asked for it (--use). Warns on stderr when a file's layout
 * could not be kept. */
bool kubeconfig_entry_write(const struct stanza *stanza, struct kubeconfig_place *place,
                            struct error *err) must_check;
/* Takes out the context of ours, and the cluster and user that it leads to where they are ours and
 * no other context leads to them. files: as they were read. Warns as above. */
bool kubeconfig_entry_remove(const struct kubeconfig_files *files, const char *context,
                             struct error *err) must_check;
