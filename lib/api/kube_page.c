#include <stdlib.h>

#include "lib/api/kube_private.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/memory.h"

#define SHRINK 10 /* a page that was too large */
#define PAGE 500
#define PAGES_MAX 100000
#define AGAIN_MAX 3 /* walks begun again, as the API server had forgotten where we were */

bool kube_get_page_that_fits(struct kube *kube, const char *path, int *most, json_t **list,
                             struct error *err)
{
        for (;;) {
                scoped_free char *limit = xasprintf("%d", *most);
                scoped(buf_clear) struct buf query = { 0 };

                buf_add(&query, path);
                kube_path_add_parameter(&query, "limit", limit);
                if (kube_get_page(kube, buf_text(&query), list, err))
                        return true;
                if (err->http_status != 413 || *most == 1)
                        return false;
                *most = *most > SHRINK ? *most / SHRINK : 1;
        }
}

/* In the middle: as an answer to the first page it would come again at once. */
static bool is_forgotten(const struct error *err, const char *next)
{
        return err->http_status == 410 && *next != '\0';
}

static bool visit_all(const json_t *items,
                      bool (*visit)(void *owner, const json_t *object, struct error *err),
                      void *owner, struct error *err)
{
        const json_t *object;
        size_t i;

        json_array_foreach(items, i, object)
        {
                if (!visit(owner, object, err))
                        return false;
        }
        return true;
}

bool kube_walk(struct kube *kube, const char *path, const char *selector,
               bool (*visit)(void *owner, const json_t *object, struct error *err), void *owner,
               struct error *err)
{
        scoped_free char *next = xstrdup("");
        int most = PAGE;
        int again = 0;

        for (size_t page = 0; page < PAGES_MAX; page++) {
                scoped(buf_clear) struct buf query = { 0 };
                json_auto_t *list = NULL;

                buf_add(&query, path);
                kube_path_add_parameter(&query, "labelSelector", selector);
                kube_path_add_parameter(&query, "continue", next);
                if (!kube_get_page_that_fits(kube, buf_text(&query), &most, &list, err)) {
                        if (!is_forgotten(err, next) || again++ == AGAIN_MAX)
                                return false;
                        *next = '\0';
                        continue;
                }
                if (!visit_all(json_object_get(list, "items"), visit, owner, err))
                        return false;
                free(next);
                next = xstrdup(json_text_at(list, "metadata.continue"));
                if (next == NULL || *next == '\0')
                        return true;
        }
        return error_set(err, ERROR_UNAVAILABLE, "%s: more than %d pages", path, PAGES_MAX);
}
