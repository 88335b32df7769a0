/* spelling.h - what somebody may have meant who typed what there is not. */
#pragma once

#include "lib/text_list.h"

/* The candidate that the fewest letters turn the word into, at most a third of them, at most 3.
 * Borrowed from candidates; NULL: none is that near. */
const char *spelling_nearest(const char *word, const struct text_list *candidates);
