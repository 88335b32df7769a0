/* config_file.h - changes single keys of a config file; everything else stays, byte for byte. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"

/* In a text: value, a scalar or a list of texts, under key, "tailscale.port". Where the layout does
 * not allow that (flow style) the text is written anew, and *rewritten set. The result has been
 * read again and holds what was meant, or this fails. Pure. */
bool config_file_edit(const struct buf *text, const char *key, const json_t *value,
                      struct buf *changed, bool *rewritten, struct error *err) must_check;
/* In the file, which is made when there is none; links are followed, the mode is kept, a crash
 * leaves the old or the new content. */
bool config_file_set(const char *path, const char *key, const json_t *value, bool *rewritten,
                     struct error *err) must_check;
