#include "kubectl-tka/search_path.h"

#include <unistd.h>

#include "lib/memory.h"
#include "lib/text_list.h"

char *search_path_find(const char *path, const char *name)
{
        scoped(text_list_clear) struct text_list folders = { 0 };

        text_list_split(&folders, path ? path : "", ":");
        for (size_t i = 0; i < folders.count; i++) {
                scoped_free char *program = xasprintf("%s/%s", folders.items[i], name);
                if (access(program, X_OK) == 0)
                        return take(program);
        }
        return NULL;
}
