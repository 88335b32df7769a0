/* text_list.h - strings that a struct owns, in order. */
#pragma once

#include "lib/buf.h"

struct text_list {
        char **items;
        size_t count;
};
void text_list_clear(struct text_list *list);

/* A copy of text, at the end. */
void text_list_add(struct text_list *list, const char *text);
void text_list_add_all(struct text_list *list, const struct text_list *others);
/* The parts of text between any of the separators; empty ones do not count. */
void text_list_split(struct text_list *list, const char *text, const char *separators);
bool text_list_has(const struct text_list *list, const char *text);
/* By bytes. */
void text_list_sort(struct text_list *list);
/* "a,b" */
void text_list_print(const struct text_list *list, struct buf *text);
