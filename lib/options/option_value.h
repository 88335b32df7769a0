/* option_value.h - one value of an option table: checked, stored in the record, and shown. */
#pragma once

#include "lib/options/options.h"

/* From a flag, the environment or the fallback. Lists and maps are added to when append. Errors
 * quote the text and say what is allowed, but not where it stood. */
bool option_value_set(const struct option_row *row, const char *text, bool append, void *record,
                      struct error *err) must_check;
/* From the file. */
bool option_value_decode(const struct option_row *row, const json_t *value, void *record,
                         struct error *err) must_check;
/* As the file would hold it; the caller's. NULL: there is no value. */
json_t *option_value_encode(const struct option_row *row, const void *record);
void option_value_clear(const struct option_row *row, void *record);
