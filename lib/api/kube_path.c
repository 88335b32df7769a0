#include <string.h>

#include "lib/api/kube_private.h"
#include "lib/memory.h"

char *kube_path(const struct kube_resource *resource, const char *namespace_name, const char *name,
                const char *subresource)
{
        const char *const parts[] = { resource->plural, name, subresource };
        struct buf path = { 0 };

        if (resource->group[0]) {
                buf_add(&path, "/apis/");
                buf_add_escaped(&path, resource->group);
        } else {
                buf_add(&path, "/api");
        }
        buf_add(&path, "/");
        buf_add_escaped(&path, resource->version);
        if (namespace_name) {
                buf_add(&path, "/namespaces/");
                buf_add_escaped(&path, namespace_name);
        }
        for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
                if (!parts[i])
                        continue;
                buf_add(&path, "/");
                buf_add_escaped(&path, parts[i]);
        }
        return buf_take(&path);
}

/* The next "/part" of a path, without the slash; NULL at the end or at the query. */
static const char *next_part(const char **path, size_t *length)
{
        const char *part = *path;

        if (*part != '/')
                return NULL;
        part++;
        *length = strcspn(part, "/?");
        *path = part + *length;
        return part;
}

static bool part_is(const char *part, size_t length, const char *text)
{
        return part && length == strlen(text) && memcmp(part, text, length) == 0;
}

void kube_path_name(const char *path, struct buf *name)
{
        const char *at = path;
        size_t length = 0, sub_length = 0;
        const char *part = next_part(&at, &length);
        size_t skipped = part_is(part, length, "apis") ? 2 : 1;

        if (!part_is(part, length, "api") && !part_is(part, length, "apis")) {
                buf_printf(name, "%.*s", (int)strcspn(path, "?"), path);
                return;
        }
        while (part && skipped-- > 0)
                part = next_part(&at, &length);
        part = next_part(&at, &length);
        if (part_is(part, length, "namespaces")) { /* itself, or where something else is */
                const char *rest = at;
                size_t rest_length = 0;

                if (next_part(&rest, &rest_length) && *rest == '/') {
                        at = rest;
                        part = next_part(&at, &length);
                }
        }
        if (!part) {
                buf_printf(name, "%.*s", (int)strcspn(path, "?"), path);
                return;
        }
        buf_printf(name, "%.*s", (int)length, part);
        (void)next_part(&at, &length); /* the object's name */
        part = next_part(&at, &sub_length);
        if (part)
                buf_printf(name, "/%.*s", (int)sub_length, part);
}

void kube_path_add_parameter(struct buf *path, const char *name, const char *value)
{
        if (!value || !*value)
                return;
        buf_printf(path, "%s%s=", strchr(buf_text(path), '?') ? "&" : "?", name);
        buf_add_escaped(path, value);
}
