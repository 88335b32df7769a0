/* option_key.h - whose key of the file it is: one of the table's, a section of such, or one that
 * another program reads. */
#pragma once

#include "lib/options/options.h"

/* NULL: none of the table's. */
const struct option_row *option_key_find(const struct options *options, const char *key,
                                         bool any_case);
/* "server", where there is "server.port" */
bool option_key_is_section(const struct options *options, const char *key, bool any_case);
/* "operator" and "operator.namespace", where the row OPTION_ELSEWHERE is "operator" */
bool option_key_is_elsewhere(const struct options *options, const char *key, bool any_case);
