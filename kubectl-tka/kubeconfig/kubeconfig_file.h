/* kubeconfig_file.h - the kubeconfig files that kubectl reads, chosen, locked and written as
 * client-go does. */
#pragma once

#include <jansson.h>

#include "kubectl-tka/kubeconfig/splice.h"
#include "lib/json.h"

struct kubeconfig_files {
        struct text_list paths;      /* the first to define a name wins */
        json_t *documents;           /* array, one object per path; empty where there is no file */
        const char *current_context; /* borrowed from the documents; NULL: none is set */
};
void kubeconfig_files_clear(struct kubeconfig_files *files);

/* explicit_path: --kubeconfig, or NULL. */
bool kubeconfig_files_read(const char *explicit_path, struct kubeconfig_files *files,
                           struct error *err) must_check;
/* The item of that name in "clusters", "users" or "contexts", and in which file; NULL: none. */
const json_t *kubeconfig_files_find(const struct kubeconfig_files *files, const char *list,
                                    const char *name, size_t *file);
/* The file for an entry that is in none. */
const char *kubeconfig_files_new_place(const struct kubeconfig_files *files);

/* Changes the file under client-go's lock; keeps mode and owner, follows symbolic links, leaves the
 * old or the new content whatever happens. *rewritten as splice_apply() says. */
bool kubeconfig_file_change(const char *path, const struct splice *splice, bool *rewritten,
                            struct error *err) must_check;
