#include "schema/namespaces.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

static bool is_dns_label(const char *text)
{
        size_t length = strlen(text);

        return length && length <= LIMIT_NAMESPACE && text[0] != '-' && text[length - 1] != '-' &&
               strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

bool namespaces_check(const struct text_list *namespaces, struct error *err)
{
        if (namespaces->count > LIMIT_NAMESPACES)
                return error_set(err, ERROR_INVALID, "\"namespaces\" has more than %d items",
                                 LIMIT_NAMESPACES);
        for (size_t i = 0; i < namespaces->count; i++)
                if (!is_dns_label(namespaces->items[i]))
                        return error_set(err, ERROR_INVALID,
                                         "\"namespaces\": \"%.100s\" is no namespace's name",
                                         namespaces->items[i]);
        return true;
}

void namespaces_sort(struct text_list *namespaces)
{
        size_t kept = 0;

        if (!namespaces->count)
                return;
        text_list_sort(namespaces);
        for (size_t i = 1; i < namespaces->count; i++) {
                if (!strcmp(namespaces->items[i], namespaces->items[kept]))
                        free(namespaces->items[i]);
                else
                        namespaces->items[++kept] = namespaces->items[i];
        }
        namespaces->count = kept + 1;
}

bool namespaces_equal(const struct text_list *namespaces, const struct text_list *others)
{
        if (namespaces->count != others->count)
                return false;
        for (size_t i = 0; i < namespaces->count; i++)
                if (strcmp(namespaces->items[i], others->items[i]) != 0)
                        return false;
        return true;
}
