#include "lib/options/spelling.h"

#include <string.h>

#define WORD_MAX 64

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Letters to insert, remove or replace (Levenshtein). Both are at most WORD_MAX long. */
static size_t measure_distance(const char *a, const char *b)
{
        size_t row[WORD_MAX + 1];
        size_t width = strlen(b);

        for (size_t j = 0; j <= width; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];
                row[0] = i;
                for (size_t j = 1; j <= width; j++) {
                        size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
                        diagonal = row[j];
                        row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
                }
        }
        return row[width];
}

const char *spelling_nearest(const char *word, const struct text_list *candidates)
{
        size_t length = strlen(word);
        size_t limit = least((length + 2) / 3, 3);
        const char *nearest = NULL;

        if (!length || length > WORD_MAX)
                return NULL;
        for (size_t i = 0; i < candidates->count; i++) {
                const char *candidate = candidates->items[i];
                if (strlen(candidate) > WORD_MAX)
                        continue;
                size_t distance = measure_distance(word, candidate);
                if (distance > limit || (nearest && distance == limit))
                        continue;
                limit = distance;
                nearest = candidate;
        }
        return nearest;
}
