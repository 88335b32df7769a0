#include "lib/options/options.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/options/wrap.h"

#define NAMES_WIDTH 30 /* of the flags, in front of what they mean */

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
        size_t column = (longest < NAMES_WIDTH ? longest : NAMES_WIDTH) + 2;
        for (size_t i = 0; i < options->count; i++)
                if (options_take_flag(options, &options->rows[i]))
                        print_row(&options->rows[i], column, width, buf);
}
