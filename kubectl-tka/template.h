/* template.h - a line as a person wants it: "{cluster}:{role} {left}". Pure. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"

/* Once for each item: {name} is the item's text of that name, or nothing; "\n", "\t" and "\\" are
 * what they are in C. Every item's ends with a newline. INVALID names what cannot be filled in. */
bool template_print(const char *template, const json_t *items, struct buf *text,
                    struct error *err) must_check;
