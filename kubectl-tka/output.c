#include "kubectl-tka/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/duration.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "lib/yaml.h"

enum output_format output_format_parse(const char *text, enum output_format usual)
{
        static const char *const names[] = { [OUTPUT_TABLE] = "table",
                                             [OUTPUT_JSON] = "json",
                                             [OUTPUT_YAML] = "yaml",
                                             [OUTPUT_NAME] = "name" };

        for (enum output_format i = 0; text && i < ARRAY_LENGTH(names); i++)
                if (strcmp(text, names[i]) == 0)
                        return i;
        return usual;
}

int64_t output_now(void)
{
        return isatty(STDOUT_FILENO) ? timestamp_now() : 0;
}

void output_print_relative(int64_t at, int64_t now, struct buf *text)
{
        char length[DURATION_TEXT_SIZE];

        if (at >= now)
                buf_printf(text, "in %s", duration_format_short(at - now, length));
        else
                buf_printf(text, "%s ago", duration_format_short(now - at, length));
}

static void add_clean(const char *value, struct buf *text)
{
        scoped_free char *clean = error_clean_line(xstrdup(value));

        buf_add(text, clean);
}

static void add_text(json_t *value, int64_t now, struct buf *text)
{
        (void)now;
        if (json_is_integer(value))
                buf_printf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_string(value))
                add_clean(json_string_value(value), text);
}

static void add_time(json_t *value, int64_t now, struct buf *text)
{
        int64_t at = 0;
        struct error ignored = { 0 };
        const char *instant = json_string_value(value);

        if (instant && now != 0 && timestamp_parse(instant, &at, &ignored))
                output_print_relative(at, now, text);
        else
                add_text(value, now, text);
}

static void add_flag(json_t *value, int64_t now, struct buf *text)
{
        (void)now;
        if (json_is_boolean(value))
                buf_add(text, json_is_true(value) ? "yes" : "no");
}

static void add_list(json_t *list, int64_t now, struct buf *text)
{
        size_t index = 0;
        json_t *item = NULL;

        json_array_foreach(list, index, item)
        {
                buf_add(text, index > 0 ? "," : "");
                add_text(item, now, text);
        }
}

static void add_labels(json_t *labels, int64_t now, struct buf *text)
{
        const char *key = NULL;
        json_t *value = NULL;
        const char *separator = "";

        json_object_foreach(labels, key, value)
        {
                buf_add(text, separator);
                add_clean(key, text);
                buf_add(text, "=");
                add_text(value, now, text);
                separator = ",";
        }
}

void output_print_cell(const struct output_column *column, const json_t *item, int64_t now,
                       struct buf *text)
{
        static void (*const add[])(json_t *value, int64_t now, struct buf *text) = {
                [OUTPUT_TEXT] = add_text, [OUTPUT_TIME] = add_time,     [OUTPUT_FLAG] = add_flag,
                [OUTPUT_LIST] = add_list, [OUTPUT_LABELS] = add_labels,
        };
        size_t before = text->length;

        add[column->kind](json_at(item, column->path), now, text);
        if (text->length == before)
                buf_add(text, "-");
}

void output_print_facts(const struct output_view *view, const json_t *item, int64_t now,
                        struct buf *text)
{
        size_t width = 0;

        for (size_t i = 0; i < view->count; i++)
                if (strlen(view->columns[i].title) > width)
                        width = strlen(view->columns[i].title);
        for (size_t i = 0; i < view->count; i++) {
                scoped(buf_clear) struct buf cell = { 0 };
                output_print_cell(&view->columns[i], item, now, &cell);
                if (strcmp(buf_text(&cell), "-") == 0)
                        continue;
                buf_printf(text, "%s:%*s%s\n", view->columns[i].title,
                           (int)(width - strlen(view->columns[i].title)) + 2, "", cell.text);
        }
}

static int append(const char *bytes, size_t length, void *buf)
{
        return buf_append(buf, bytes, length) ? 0 : -1;
}

/* JSON lets DEL and the controls above ASCII stand as they are: a terminal would obey them. They
 * can only be inside of texts. */
static void escape_controls(const struct buf *json, struct buf *text)
{
        for (size_t i = 0; i < json->length; i++) {
                unsigned char c = (unsigned char)json->text[i];
                unsigned char next = (unsigned char)json->text[i + 1];
                if (c == 0x7f) {
                        buf_add(text, "\\u007f");
                } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
                        buf_printf(text, "\\u%04x", next);
                        i++;
                } else {
                        buf_append(text, &json->text[i], 1);
                }
        }
}

static void print_json(const json_t *document, struct buf *text)
{
        scoped(buf_clear) struct buf json = { 0 };

        json_dump_callback(document, append, &json, JSON_INDENT(2) | JSON_ENCODE_ANY);
        escape_controls(&json, text);
        buf_add(text, "\n");
}

static void print_name(const struct output_view *view, const json_t *item, struct buf *text)
{
        const char *name = json_text_at(item, view->name);

        if (!name)
                return;
        add_clean(name, text);
        buf_add(text, "\n");
}

void output_print(enum output_format format, const struct output_view *view, const json_t *document,
                  struct buf *text)
{
        size_t index = 0;
        const json_t *item = NULL;

        if (format == OUTPUT_JSON)
                print_json(document, text);
        else if (format == OUTPUT_YAML)
                yaml_print(document, text);
        else if (!json_is_array(document))
                print_name(view, document, text);
        json_array_foreach(format == OUTPUT_NAME ? document : NULL, index, item)
                print_name(view, item, text);
}

bool output_write(const struct buf *text, struct error *err)
{
        return fd_write(STDOUT_FILENO, buf_text(text), text->length) ||
               error_set(err, ERROR_INTERNAL, "writing to stdout: %s", strerror(errno));
}
