#include "operator/suspects.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

void suspects_clear(struct suspects *suspects)
{
        for (size_t i = 0; i < suspects->count; i++)
                dependent_clear(&suspects->items[i]);
        free(suspects->items);
        *suspects = (struct suspects){ 0 };
}

void suspects_add(struct suspects *suspects, struct dependent *dependent)
{
        if (suspects->count == suspects->capacity) {
                suspects->capacity = suspects->capacity * 2 + 16;
                suspects->items =
                        xrealloc(suspects->items, suspects->capacity * sizeof(*suspects->items));
        }
        suspects->items[suspects->count++] = *dependent;
        *dependent = (struct dependent){ 0 };
}

static int compare(const void *one, const void *other)
{
        const struct dependent *a = one, *b = other;
        int order = strcmp(a->signin_uid, b->signin_uid);

        return order != 0 ? order : strcmp(a->uid, b->uid);
}

void suspects_order(struct suspects *suspects)
{
        size_t kept = 0;

        if (suspects->count > 0)
                qsort(suspects->items, suspects->count, sizeof(*suspects->items), compare);
        for (size_t i = 0; i < suspects->count; i++) {
                if (kept > 0 && compare(&suspects->items[kept - 1], &suspects->items[i]) == 0)
                        dependent_clear(&suspects->items[i]);
                else
                        suspects->items[kept++] = suspects->items[i];
        }
        suspects->count = kept;
}

/* The first whose owner is not before that one. */
static size_t find_first(const struct suspects *suspects, const char *signin_uid)
{
        size_t first = 0, end = suspects->count;

        while (first < end) {
                size_t middle = first + (end - first) / 2;

                if (strcmp(suspects->items[middle].signin_uid, signin_uid) < 0)
                        first = middle + 1;
                else
                        end = middle;
        }
        return first;
}

void suspects_acquit(struct suspects *suspects, const char *signin_uid)
{
        for (size_t i = find_first(suspects, signin_uid);
             i < suspects->count && strcmp(suspects->items[i].signin_uid, signin_uid) == 0; i++)
                suspects->items[i].kind = DEPENDENT_KINDS;
}
