#include "lib/options/manual.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/memory.h"
#include "lib/timestamp.h"

/* The day that reproducible builds name, else today. */
static time_t find_day(void)
{
        const char *given = getenv("SOURCE_DATE_EPOCH");
        char *end = NULL;
        long long seconds = given ? strtoll(given, &end, 10) : 0;

        return given && *given && !*end && seconds > 0 ? (time_t)seconds : (time_t)timestamp_now();
}

static void add_character(struct buf *page, char character)
{
        if (character == '\\')
                buf_add(page, "\\e");
        else
                buf_append(page, &character, 1);
}

/* Inside a line of text, or as a macro's argument: quoted, so that no word is taken for a macro. */
static void add_argument(struct buf *page, const char *text)
{
        buf_add(page, "\"");
        for (; *text; text++) {
                if (*text == '"')
                        buf_add(page, "\\(dq");
                else if (*text == '-')
                        buf_add(page, "\\-");
                else
                        add_character(page, *text);
        }
        buf_add(page, "\"");
}

static bool ends_sentence(const char *at)
{
        return (*at == '.' || *at == ':') && at[1] == ' ' && at[2] != '\0';
}

/* One line of text; a leading dot or quote would be read as a request. */
static void add_line(struct buf *page, const char *text, size_t length)
{
        bool start = true;

        for (size_t i = 0; i < length; i++) {
                if (start && (text[i] == '.' || text[i] == '\''))
                        buf_add(page, "\\&");
                start = false;
                add_character(page, text[i]);
                if (i + 2 < length && text[i] == '.' && ends_sentence(text + i)) {
                        buf_add(page, "\n");
                        start = true;
                        i++;
                }
        }
        buf_add(page, "\n");
}

static void add_date(struct buf *page)
{
        time_t day = find_day();
        struct tm parts = { 0 };
        char text[64];

        gmtime_r(&day, &parts);
        strftime(text, sizeof(text), "%B %d, %Y", &parts);
        buf_printf(page, ".Dd %s\n", text);
}

void manual_begin(struct buf *page, const char *name, int section, const char *summary)
{
        add_date(page);
        buf_add(page, ".Dt ");
        for (const char *at = name; *at; at++)
                add_character(page, (char)toupper((unsigned char)*at));
        buf_printf(page, " %d\n.Os TKA\n.Sh NAME\n.Nm ", section);
        add_argument(page, name);
        buf_add(page, "\n.Nd ");
        add_argument(page, summary);
        buf_add(page, "\n");
}

void manual_heading(struct buf *page, const char *title)
{
        buf_printf(page, ".Sh %s\n", title);
}

void manual_subheading(struct buf *page, const char *title)
{
        buf_printf(page, ".Ss %s\n", title);
}

void manual_text(struct buf *page, const char *text)
{
        bool first = true;

        while (*text) {
                size_t length = strcspn(text, "\n");
                if (length == 0 && !first)
                        buf_add(page, ".Pp\n");
                else if (length > 0)
                        add_line(page, text, length);
                first = false;
                text += length + (text[length] == '\n');
        }
}

void manual_example(struct buf *page, const char *line)
{
        buf_add(page, ".Dl ");
        add_argument(page, line);
        buf_add(page, "\n");
}

void manual_list_open(struct buf *page)
{
        buf_add(page, ".Bl -tag -width Ds\n");
}

void manual_list_close(struct buf *page)
{
        buf_add(page, ".El\n");
}

void manual_item(struct buf *page, const char *tag, const char *text)
{
        buf_add(page, ".It Ic ");
        add_argument(page, tag);
        buf_add(page, "\n");
        manual_text(page, text);
}

static const char *placeholder(const struct option_row *row)
{
        if (row->choices)
                return row->choices;
        return row->placeholder ? row->placeholder : "VALUE";
}

static void add_flag_tag(struct buf *page, const struct option_row *row)
{
        buf_add(page, ".It ");
        if (row->letter)
                buf_printf(page, "Fl %c , ", row->letter);
        buf_add(page, "Fl ");
        scoped_free char *name = xasprintf("-%s", row->flag);
        add_argument(page, name);
        if (row->kind != OPTION_BOOL) {
                buf_add(page, " Ar ");
                add_argument(page, placeholder(row));
        }
        buf_add(page, "\n");
}

/* "The variable is TKA_X, the key a.b. The default is c." */
static void add_sources(struct buf *page, const struct option_row *row, bool as_key)
{
        scoped_free char *variable = options_environment_name(row);

        if (row->help)
                add_line(page, row->help, strlen(row->help));
        if (variable || row->fallback || (as_key ? row->flag : row->key))
                buf_add(page, ".br\n");
        if (as_key && row->flag) {
                scoped_free char *flag = xasprintf("-%s", row->flag);
                buf_add(page, "Flag\n.Fl ");
                add_argument(page, flag);
                buf_add(page, " .\n");
        } else if (!as_key && row->key) {
                buf_add(page, "Key\n.Ic ");
                add_argument(page, row->key);
                buf_add(page, " .\n");
        }
        if (variable)
                buf_printf(page, "Variable\n.Ev %s .\n", variable);
        if (row->fallback && *row->fallback) {
                buf_add(page, "Default:\n.Li ");
                add_argument(page, row->fallback);
                buf_add(page, " .\n");
        }
}

void manual_flags(struct buf *page, const struct options *options)
{
        manual_list_open(page);
        for (size_t i = 0; i < options->count; i++) {
                if (!options_take_flag(options, &options->rows[i]))
                        continue;
                add_flag_tag(page, &options->rows[i]);
                add_sources(page, &options->rows[i], false);
        }
        manual_list_close(page);
}

void manual_keys(struct buf *page, const struct options *options)
{
        manual_list_open(page);
        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                if (!row->key || row->kind == OPTION_ELSEWHERE)
                        continue;
                buf_add(page, ".It Ic ");
                add_argument(page, row->key);
                buf_add(page, "\n");
                add_sources(page, row, true);
        }
        manual_list_close(page);
}

void manual_see_also(struct buf *page, const char *pages)
{
        manual_heading(page, "SEE ALSO");
        while (*pages) {
                size_t length = strcspn(pages, " ");
                size_t name = strcspn(pages, "(");
                bool last = pages[length] == '\0';
                buf_printf(page, ".Xr %.*s %c%s\n", (int)name, pages, pages[name + 1],
                           last ? "" : " ,");
                pages += length + !last;
        }
}
