#include "kubectl-tka/template.h"

#include <string.h>

#include "kubectl-tka/output.h"
#include "lib/json.h"
#include "lib/memory.h"

static const char *const names[] = { "cluster", "context", "role",  "user", "server",
                                     "until",   "left",    "cache", "state" };

static bool is_known(const char *name, size_t length)
{
        for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
                if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
                        return true;
        return false;
}

static bool check(const char *template, struct error *err)
{
        for (const char *at = strchr(template, '{'); at; at = strchr(at, '{')) {
                size_t length = strcspn(++at, "}");
                if (at[length] == '}' && is_known(at, length))
                        continue;
                error_set(err, ERROR_INVALID, "\"{%.*s\" cannot be filled in", (int)length + 1, at);
                return error_advise(err, "there are {cluster} {context} {role} {user} {server} "
                                         "{until} {left} {cache} {state}");
        }
        return true;
}

/* What follows a backslash. */
static void add_escape(char letter, struct buf *text)
{
        switch (letter) {
        case 'n':
                buf_add(text, "\n");
                break;
        case 't':
                buf_add(text, "\t");
                break;
        case '\\':
                buf_add(text, "\\");
                break;
        default:
                buf_printf(text, "\\%c", letter);
        }
}

static void add_value(const char *name, size_t length, const json_t *item, struct buf *text)
{
        scoped_free char *path = xstrndup(name, length);
        const struct output_column column = { path, path, OUTPUT_TEXT };

        if (json_at(item, path))
                output_print_cell(&column, item, 0, text);
}

static void print_item(const char *template, const json_t *item, struct buf *text)
{
        const char *at = template;

        while (*at) {
                size_t plain = strcspn(at, "{\\");
                buf_append(text, at, plain);
                at += plain;
                if (*at == '{') {
                        size_t length = strcspn(at + 1, "}");
                        add_value(at + 1, length, item, text);
                        at += length + 2;
                } else if (*at && at[1]) {
                        add_escape(at[1], text);
                        at += 2;
                } else if (*at) {
                        buf_append(text, at++, 1);
                }
        }
        if (text->length > 0 && text->text[text->length - 1] != '\n')
                buf_add(text, "\n");
}

bool template_print(const char *template, const json_t *items, struct buf *text, struct error *err)
{
        size_t index = 0;
        const json_t *item = NULL;

        if (!check(template, err))
                return false;
        json_array_foreach(items, index, item) print_item(template, item, text);
        return true;
}
