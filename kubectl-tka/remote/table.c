#include "kubectl-tka/remote/table.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libsmartcols.h>

#include "kubectl-tka/local/terminal.h"
#include "lib/memory.h"

#define SEPARATOR "  "
#define LAST_WIDTH 24 /* at least, of a column that is broken */

static void unref_table(struct libscols_table **table)
{
        scols_unref_table(*table);
}

static void add_columns(struct libscols_table *table, const struct output_view *view, int fd)
{
        for (size_t i = 0; i < view->count; i++) {
                bool last = i + 1 == view->count;
                struct libscols_column *column = scols_table_new_column(
                        table, view->columns[i].title, 0.0, last ? SCOLS_FL_WRAP : 0);
                if (!column)
                        abort();
                if (terminal_has_colours(fd))
                        scols_cell_set_color(scols_column_get_header(column), "bold");
        }
}

static void add_row(struct libscols_table *table, const struct output_view *view,
                    const json_t *item, int64_t now)
{
        struct libscols_line *line = scols_table_new_line(table, NULL);

        for (size_t i = 0; line && i < view->count; i++) {
                scoped(buf_clear) struct buf cell = { 0 };
                output_print_cell(&view->columns[i], item, now, &cell);
                scols_line_set_data(line, i, buf_text(&cell));
        }
}

/* What stands before the last column, in bytes: near enough to columns. */
static size_t measure_others(const struct output_view *view, const json_t *items, int64_t now)
{
        size_t total = 0;

        for (size_t i = 0; i + 1 < view->count; i++) {
                size_t widest = strlen(view->columns[i].title);
                size_t index = 0;
                const json_t *item = NULL;
                json_array_foreach(items, index, item)
                {
                        scoped(buf_clear) struct buf cell = { 0 };
                        output_print_cell(&view->columns[i], item, now, &cell);
                        widest = cell.length > widest ? cell.length : widest;
                }
                total += widest + strlen(SEPARATOR);
        }
        return total;
}

/* The last column is broken where it has room to be read; else the terminal breaks the lines. */
static void set_width(struct libscols_table *table, size_t others, int fd)
{
        size_t width = terminal_width(fd);

        if (isatty(fd) && others + LAST_WIDTH <= width)
                scols_table_set_termwidth(table, width);
        else
                scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
}

void table_print(const struct output_view *view, const json_t *items, int fd, struct buf *text)
{
        scoped(unref_table) struct libscols_table *table = scols_new_table();
        size_t index = 0;
        const json_t *item = NULL;
        char *lines = NULL;
        int64_t now = output_now();

        if (!table)
                abort();
        setlocale(LC_CTYPE, ""); /* else libsmartcols escapes what is not ASCII */
        scols_table_set_column_separator(table, SEPARATOR);
        scols_table_enable_colors(table, terminal_has_colours(fd));
        set_width(table, measure_others(view, items, now), fd);
        add_columns(table, view, fd);
        json_array_foreach(items, index, item) add_row(table, view, item, now);
        if (scols_print_table_to_string(table, &lines) != 0)
                abort();
        buf_printf(text, "%s\n", lines ? lines : "");
        free(lines);
}

bool table_show(const struct config *config, const struct output_view *view, const json_t *document,
                struct error *err)
{
        enum output_format format = output_format_parse(config->output, OUTPUT_TABLE);
        scoped(buf_clear) struct buf text = { 0 };

        if (format != OUTPUT_TABLE)
                output_print(format, view, document, &text);
        else if (json_is_array(document))
                table_print(view, document, STDOUT_FILENO, &text);
        else
                output_print_facts(view, document, output_now(), &text);
        return output_write(&text, err);
}
