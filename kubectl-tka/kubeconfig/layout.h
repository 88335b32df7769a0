/* layout.h - where things stand in the text of a YAML mapping in block style, to put others there.
 * Pure. Knows lines and columns, no meaning: layout_settle() reads the result again. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"

/* Adds lines at the end. */
void layout_append(struct buf *text, const char *lines);
/* Gives the list under the top-level key, in brackets so far, lines of its own; true also where it
 * has none. list is what it holds. false as below; a comment inside the brackets is such a layout.
 */
bool layout_unfold_list(struct buf *text, const char *key, const json_t *list);
/* Puts item into the list under the top-level key: in place of the item of the same "name", else
 * behind the last. false, and text as it was: the layout is none we know how to change. */
bool layout_put_item(struct buf *text, const char *key, const json_t *item);
/* Takes the first item of that name out of the list, with the comments inside it. false as above.
 */
bool layout_remove_item(struct buf *text, const char *key, const char *name);
/* Sets the value, a scalar or a list of texts, of a key: "a.b" is one key of that name or "b" below
 * "a", whichever there is. A comment behind it stays. false as above. */
bool layout_put_value(struct buf *text, const char *path, const json_t *value);
/* After the last change: where the layout was not kept, or text does not read as expected, it is
 * written anew and *rewritten set. INTERNAL, and no text to use, where that does not help. */
bool layout_settle(struct buf *text, bool kept, const json_t *expected, bool *rewritten,
                   struct error *err) must_check;
