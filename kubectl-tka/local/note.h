/* note.h - small files beside the tokens, which hold none: locks, failures, receipts. They may be
 * lost at any time. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"

/* "<hash of the key><suffix>" in the runtime folder, else the cache's. The caller's; NULL: there is
 * no such place. Its folder may have to be made. */
char *note_file(const struct cache_key *key, const char *suffix);
/* The same for what is noted of no key. */
char *note_common_file(const char *suffix);
bool note_make_folder(struct error *err) must_check;
/* Opens a note for reading and writing, made when it is not there; -1 where that cannot be, or
 * where it is open to others. */
int note_open(const char *path);
