#include "lib/text_list.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

void text_list_clear(struct text_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i]);
        free((void *)list->items);
        *list = (struct text_list){ 0 };
}

static void append(struct text_list *list, char *text)
{
        list->items = (char **)xrealloc((void *)list->items, (list->count + 1) * sizeof(char *));
        list->items[list->count++] = text;
}

void text_list_add(struct text_list *list, const char *text)
{
        append(list, xstrdup(text));
}

void text_list_add_all(struct text_list *list, const struct text_list *others)
{
        for (size_t i = 0; i < others->count; i++)
                text_list_add(list, others->items[i]);
}

void text_list_split(struct text_list *list, const char *text, const char *separators)
{
        for (const char *at = text + strspn(text, separators); *at; at += strspn(at, separators)) {
                size_t length = strcspn(at, separators);

                append(list, xstrndup(at, length));
                at += length;
        }
}

bool text_list_has(const struct text_list *list, const char *text)
{
        for (size_t i = 0; i < list->count; i++)
                if (!strcmp(list->items[i], text))
                        return true;
        return false;
}

static int compare(const void *left, const void *right)
{
        return strcmp(*(char *const *)left, *(char *const *)right);
}

void text_list_sort(struct text_list *list)
{
        if (list->count > 0)
                qsort((void *)list->items, list->count, sizeof(*list->items), compare);
}

void text_list_print(const struct text_list *list, struct buf *text)
{
        for (size_t i = 0; i < list->count; i++)
                buf_printf(text, "%s%s", i == 0 ? "" : ",", list->items[i]);
}
