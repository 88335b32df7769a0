#include "lib/yaml.h"

#include <string.h>
#include <strings.h>

#include "lib/json.h"
#include "lib/memory.h"

/* A key that takes more bytes than this, as printed, must be announced by "? " (YAML 1.2, 7.4.2:
 * 1024 characters). */
#define KEY_MAX 1000

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that YAML 1.1 or 1.2 takes for something else. */
static bool is_special_word(const char *text)
{
        static const char *const words[] = { "null", "true", "false", "yes", "no",
                                             "on",   "off",  "y",     "n" };

        for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
                if (!strcasecmp(text, words[i]))
                        return true;
        return false;
}

/* Texts that every YAML reader takes for the same text without quotes. Few others need to be: when
 * in doubt they are quoted. */
static bool is_plain(const char *text)
{
        static const char inner[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789 _./@+=-";
        size_t length = strlen(text);

        if (!is_letter(*text) && *text != '/')
                return false;
        if (text[length - 1] == ' ' || is_special_word(text))
                return false;
        for (const char *at = text; *at; at++) {
                bool inside_url = *at == ':' && at[1] && at[1] != ' ';
                if (!strchr(inner, *at) && !inside_url)
                        return false;
        }
        return true;
}

/* The character at *at, which is UTF-8, and a step past it. */
static uint32_t next_character(const char **at)
{
        unsigned char lead = (unsigned char)*(*at)++;
        uint32_t value = lead;

        if (lead >= 0xf0)
                value = lead & 0x07U;
        else if (lead >= 0xe0)
                value = lead & 0x0fU;
        else if (lead >= 0xc0)
                value = lead & 0x1fU;
        while (((unsigned char)**at & 0xc0) == 0x80)
                value = value << 6 | ((unsigned char)*(*at)++ & 0x3fU);
        return value;
}

/* Control characters, line breaks of any kind, and what YAML does not allow as it stands. */
static bool must_escape(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
               c == 0xfffe || c == 0xffff;
}

static void print_quoted(const char *text, struct buf *buf)
{
        buf_add(buf, "\"");
        for (const char *at = text; *at;) {
                const char *start = at;
                uint32_t c = next_character(&at);
                if (c == '"' || c == '\\')
                        buf_printf(buf, "\\%c", (char)c);
                else if (c == '\n')
                        buf_add(buf, "\\n");
                else if (must_escape(c))
                        buf_printf(buf, "\\u%04X", c);
                else if (!buf_append(buf, start, (size_t)(at - start)))
                        abort();
        }
        buf_add(buf, "\"");
}

static void print_text(const char *text, struct buf *buf)
{
        if (is_plain(text))
                buf_add(buf, text);
        else
                print_quoted(text, buf);
}

static void start_line(size_t indent, struct buf *buf)
{
        buf_printf(buf, "%*s", (int)indent, "");
}

static void print_value(const json_t *value, size_t indent, struct buf *buf);

static bool is_block(const json_t *value)
{
        return json_object_size(value) || json_array_size(value);
}

static void print_key(const char *key, size_t indent, struct buf *buf)
{
        scoped(buf_clear) struct buf printed = { 0 };

        print_text(key, &printed);
        bool announced = printed.length > KEY_MAX;
        if (announced)
                buf_add(buf, "? ");
        buf_add(buf, printed.text);
        if (!announced)
                return;
        buf_add(buf, "\n");
        start_line(indent, buf);
}

/* The first line has been indented already: behind "- " an object begins on the same line. */
static void print_object(const json_t *object, size_t indent, struct buf *buf)
{
        const char *key = NULL;
        const json_t *value = NULL;
        bool first = true;

        /* jansson's macro takes a json_t * that it does not change. */
        for (void *at = json_object_iter(json_at(object, "")); at;
             at = json_object_iter_next(json_at(object, ""), at)) {
                key = json_object_iter_key(at);
                value = json_object_iter_value(at);
                if (!first)
                        start_line(indent, buf);
                first = false;
                print_key(key, indent, buf);
                if (!is_block(value)) {
                        buf_add(buf, ": ");
                        print_value(value, indent, buf);
                        continue;
                }
                buf_add(buf, ":\n");
                size_t inner = json_is_array(value) ? indent : indent + 2;
                start_line(inner, buf);
                print_value(value, inner, buf);
        }
}

static void print_array(const json_t *array, size_t indent, struct buf *buf)
{
        for (size_t i = 0; i < json_array_size(array); i++) {
                if (i)
                        start_line(indent, buf);
                buf_add(buf, "- ");
                print_value(json_array_get(array, i), indent + 2, buf);
        }
}

static void print_value(const json_t *value, size_t indent, struct buf *buf)
{
        if (is_block(value) && json_is_object(value)) {
                print_object(value, indent, buf);
        } else if (is_block(value)) {
                print_array(value, indent, buf);
        } else {
                if (json_is_string(value))
                        print_text(json_string_value(value), buf);
                else
                        json_print(value, buf);
                buf_add(buf, "\n");
        }
}

void yaml_print(const json_t *value, struct buf *buf)
{
        print_value(value, 0, buf);
}
