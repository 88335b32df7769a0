#include "kubectl-tka/local/kubeconfig_paths.h"

#include <stdlib.h>

#include "lib/memory.h"

/* A list like PATH; empty entries and repetitions count for nothing. */
static void add_variable(const char *variable, struct text_list *paths)
{
        scoped(text_list_clear) struct text_list all = { 0 };

        text_list_split(&all, variable, ":");
        for (size_t i = 0; i < all.count; i++)
                if (!text_list_has(paths, all.items[i]))
                        text_list_add(paths, all.items[i]);
}

void kubeconfig_paths(const char *named, struct text_list *paths)
{
        const char *variable = getenv("KUBECONFIG");
        const char *home = getenv("HOME");

        if (named)
                text_list_add(paths, named);
        else if (variable)
                add_variable(variable, paths);
        if (paths->count > 0 || !home || !home[0])
                return;
        scoped_free char *usual = xasprintf("%s/.kube/config", home);
        text_list_add(paths, usual);
}
