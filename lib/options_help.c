#include "lib/options.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/wrap.h"

#define WORD_MAX 64
#define NAMES_WIDTH 30 /* of the flags, in front of what they mean */

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

const char *options_nearest(const char *word, const char *const *candidates)
{
        size_t length = strlen(word);
        size_t limit = least((length + 2) / 3, 3);
        const char *nearest = NULL;

        if (!length || length > WORD_MAX)
                return NULL;
        for (; *candidates; candidates++) {
                if (strlen(*candidates) > WORD_MAX)
                        continue;
                size_t distance = measure_distance(word, *candidates);
                if (distance > limit || (nearest && distance == limit))
                        continue;
                limit = distance;
                nearest = *candidates;
        }
        return nearest;
}

static void print_name(const struct option_row *row, struct buf *buf)
{
        const char *placeholder = row->choices ? row->choices : row->placeholder;

        if (row->letter)
                buf_printf(buf, "  -%c, ", row->letter);
        else
                buf_add(buf, "      ");
        buf_printf(buf, "--%s", row->flag);
        if (row->kind != OPTION_BOOL)
                buf_printf(buf, " %s", placeholder ? placeholder : "VALUE");
}

/* The help of a row begins in that column, if need be on a line of its own. */
static void print_row(const struct option_row *row, size_t column, size_t width, struct buf *buf)
{
        size_t start = buf->length;
        scoped(buf_clear) struct buf help = { 0 };

        print_name(row, buf);
        size_t length = buf->length - start;
        if (length + 2 > column)
                buf_printf(buf, "\n%*s", (int)column, "");
        else
                buf_printf(buf, "%*s", (int)(column - length), "");
        buf_add(&help, row->help ? row->help : "");
        if (row->fallback && *row->fallback)
                buf_printf(&help, " (default: %s)", row->fallback);
        wrap_print(buf_text(&help), column, width, buf);
        buf_add(buf, "\n");
}

void options_print_help(const struct options *options, size_t width, struct buf *buf)
{
        size_t longest = 0;

        for (size_t i = 0; i < options->count; i++) {
                scoped(buf_clear) struct buf name = { 0 };
                if (!options_take_flag(options, &options->rows[i]))
                        continue;
                print_name(&options->rows[i], &name);
                if (name.length > longest)
                        longest = name.length;
        }
        for (size_t i = 0; i < options->count; i++)
                if (options_take_flag(options, &options->rows[i]))
                        print_row(&options->rows[i], least(longest, NAMES_WIDTH) + 2, width, buf);
}
