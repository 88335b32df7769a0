#include <string.h>

#include "lib/api/kube.h"
#include "lib/memory.h"

#define SHRINK 10 /* a page that was too large */

bool kube_get_page_that_fits(struct kube *kube, const char *path, int *most, json_t **list,
                             struct error *err)
{
        const char *mark = strchr(path, '?') != NULL ? "&" : "?";

        for (;;) {
                scoped_free char *query = xasprintf("%s%slimit=%d", path, mark, *most);

                if (kube_get_page(kube, query, list, err))
                        return true;
                if (err->http_status != 413 || *most == 1)
                        return false;
                *most = *most > SHRINK ? *most / SHRINK : 1;
        }
}
