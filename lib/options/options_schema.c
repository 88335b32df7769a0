#include "lib/options/options.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

/* What lib/duration.h reads, the empty text and the sign apart. */
#define DURATION_PATTERN \
        "^([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|ms|s|m|h)(.*(ns|us|\u00b5s|ms|s|m|h))?$"

static json_t *list_choices(const char *choices)
{
        scoped(text_list_clear) struct text_list list = { 0 };

        text_list_split(&list, choices, "|");
        return json_text_list(&list);
}

static json_t *describe_text(const struct option_row *row)
{
        json_t *text = json_pack("{s:s}", "type", "string");

        if (row->choices)
                json_object_set_new(text, "enum", list_choices(row->choices));
        return text;
}

static json_t *describe_integer(const struct option_row *row)
{
        json_t *integer = json_pack("{s:s}", "type", "integer");

        if (row->minimum || row->maximum) {
                json_object_set_new(integer, "minimum", json_integer(row->minimum));
                json_object_set_new(integer, "maximum", json_integer(row->maximum));
        }
        return integer;
}

static json_t *describe_kind(const struct option_row *row)
{
        switch (row->kind) {
        case OPTION_TEXT:
                return describe_text(row);
        case OPTION_BOOL:
                return json_pack("{s:s}", "type", "boolean");
        case OPTION_INTEGER:
                return describe_integer(row);
        case OPTION_DURATION:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", DURATION_PATTERN);
        case OPTION_TEXT_LIST:
                return json_pack("{s:[o, {s:s, s:o}]}", "anyOf", describe_text(row), "type",
                                 "array", "items", describe_text(row));
        case OPTION_TEXT_MAP:
                return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                                 describe_text(row));
        case OPTION_ELSEWHERE:
                break;
        }
        return json_object();
}

/* A fallback as the file would have it: a number is no text there. */
static json_t *read_fallback(const struct option_row *row)
{
        if (row->kind == OPTION_INTEGER)
                return json_integer(strtoll(row->fallback, NULL, 10));
        return json_string(row->fallback);
}

/* A key without a value, null, is as if it were not there. */
static json_t *describe_row(const struct option_row *row)
{
        json_t *value = describe_kind(row);
        json_t *schema = row->kind == OPTION_ELSEWHERE
                                 ? value
                                 : json_pack("{s:[o, {s:s}]}", "anyOf", value, "type", "null");

        json_object_set_new(schema, "description",
                            json_string(row->help ? row->help : "Read by another program."));
        if (row->fallback)
                json_object_set_new(schema, "default", read_fallback(row));
        return schema;
}

/* The properties of that section, made where there is none yet. */
static json_t *open_section(json_t *schema, const char *name)
{
        json_t *properties = json_object_get(schema, "properties");
        json_t *section = json_object_get(properties, name);

        if (!section) {
                section = json_pack("{s:[s,s], s:b, s:{}}", "type", "object", "null",
                                    "additionalProperties", 0, "properties");
                json_object_set_new(properties, name, section);
        }
        return section;
}

static void add_row(json_t *schema, const struct option_row *row)
{
        const char *name = row->key;
        const char *dot = NULL;

        while ((dot = strchr(name, '.')) != NULL) {
                scoped_free char *section = xstrndup(name, (size_t)(dot - name));

                schema = open_section(schema, section);
                name = dot + 1;
        }
        json_object_set_new(json_object_get(schema, "properties"), name, describe_row(row));
}

json_t *options_schema(const struct options *options, const char *title)
{
        json_t *schema = json_pack("{s:s, s:s, s:s, s:b, s:{}}", "$schema",
                                   "https://json-schema.org/draft/2020-12/schema", "title", title,
                                   "type", "object", "additionalProperties", 0, "properties");

        for (size_t i = 0; i < options->count; i++)
                if (options->rows[i].key)
                        add_row(schema, &options->rows[i]);
        return schema;
}
