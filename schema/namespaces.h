/* namespaces.h - the namespaces a session is confined to: checked names, in one order. */
#pragma once

#include "lib/json.h"
#include "schema/limits.h"

/* At most LIMIT_NAMESPACES, each a DNS label of at most LIMIT_NAMESPACE bytes. */
bool namespaces_check(const struct text_list *namespaces, struct error *err) must_check;
/* Sorts by bytes and drops repeats. */
void namespaces_sort(struct text_list *namespaces);
/* Both sorted. */
bool namespaces_equal(const struct text_list *namespaces, const struct text_list *others);
