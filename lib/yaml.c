#include "lib/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

#include "lib/json.h"
#include "lib/memory.h"

/* The object or array being filled, and the key waiting for its value. */
struct level {
        json_t *container;
        char *key;
        char *path; /* "server." before its keys; NULL: within a list */
};

struct builder {
        yaml_parser_t parser;
        yaml_event_t event;
        json_t *root;
        json_t *lines; /* NULL: not asked for */
        struct level levels[JSON_DEPTH_MAX];
        size_t depth;
        size_t documents;
};

static void clear_builder(struct builder *builder)
{
        yaml_event_delete(&builder->event);
        yaml_parser_delete(&builder->parser);
        json_decref(builder->root);
        json_decref(builder->lines);
        for (size_t i = 0; i < JSON_DEPTH_MAX; i++) {
                free(builder->levels[i].key);
                free(builder->levels[i].path);
        }
}

static size_t line_of(const struct builder *builder)
{
        return builder->event.start_mark.line + 1;
}

static bool refuse(const struct builder *builder, struct error *err, const char *why)
{
        return error_set(err, ERROR_INVALID, "line %zu: %s", line_of(builder), why);
}

static bool is_any(const char *text, const char *const *words)
{
        for (; *words; words++)
                if (!strcmp(text, *words))
                        return true;
        return false;
}

static bool is_all(const char *text, const char *characters)
{
        return *text && !text[strspn(text, characters)];
}

/* [-+]? [0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+ */
static bool is_integer(const char *text)
{
        if (!strncmp(text, "0o", 2))
                return is_all(text + 2, "01234567");
        if (!strncmp(text, "0x", 2))
                return is_all(text + 2, "0123456789abcdefABCDEF");
        return is_all(text + (*text == '-' || *text == '+'), "0123456789");
}

/* [-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_real(const char *text)
{
        static const char digits[] = "0123456789";

        text += *text == '-' || *text == '+';
        size_t whole = strspn(text, digits);
        text += whole;
        if (*text == '.') {
                size_t fraction = strspn(text + 1, digits);
                if (!whole && !fraction)
                        return false;
                text += 1 + fraction;
        } else if (!whole) {
                return false;
        }
        if (*text != 'e' && *text != 'E')
                return !*text;
        text++;
        return is_all(text + (*text == '-' || *text == '+'), digits);
}

static bool is_no_number(const char *text)
{
        static const char *const words[] = { ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                             "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                             ".NaN",  ".NAN",  NULL };

        return is_any(text, words);
}

static json_t *read_integer(const char *text)
{
        bool other = text[0] == '0' && (text[1] == 'o' || text[1] == 'x');
        int base = !other ? 10 : text[1] == 'o' ? 8 : 16;

        errno = 0;
        long long value = strtoll(other ? text + 2 : text, NULL, base);
        return errno ? NULL : json_integer(value);
}

static json_t *read_real(const char *text)
{
        double value = is_no_number(text) ? (double)INFINITY : strtod(text, NULL);

        return isfinite(value) ? json_real(value) : NULL;
}

/* What a plain scalar means; *known is false for text. NULL and *known: a number JSON has none for.
 */
static json_t *resolve(const char *text, bool *known)
{
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
        static const char *const trues[] = { "true", "True", "TRUE", NULL };
        static const char *const falses[] = { "false", "False", "FALSE", NULL };

        *known = true;
        if (is_any(text, nulls))
                return json_null();
        if (is_any(text, trues))
                return json_true();
        if (is_any(text, falses))
                return json_false();
        if (is_integer(text))
                return read_integer(text);
        if (is_real(text) || is_no_number(text))
                return read_real(text);
        *known = false;
        return NULL;
}

/* Only the tags that say what the value would be without them. */
static bool check_tag(struct builder *builder, const yaml_char_t *tag, const char *natural,
                      struct error *err)
{
        if (!tag || !strcmp((const char *)tag, natural))
                return true;
        return error_set(err, ERROR_INVALID, "line %zu: the tag \"%.64s\" is not supported",
                         line_of(builder), (const char *)tag);
}

static bool read_scalar(struct builder *builder, json_t **value, struct error *err)
{
        const char *text = (const char *)builder->event.data.scalar.value;
        const yaml_char_t *tag = builder->event.data.scalar.tag;
        bool known = false;

        if (strlen(text) != builder->event.data.scalar.length)
                return refuse(builder, err, "a text holds a NUL character");
        /* "!" alone says: text. */
        if (tag && strcmp((const char *)tag, "!") != 0 &&
            !check_tag(builder, tag, YAML_STR_TAG, err))
                return false;
        json_t *resolved = NULL;
        if (!tag && builder->event.data.scalar.plain_implicit)
                resolved = resolve(text, &known);
        if (known && !resolved)
                return error_set(err, ERROR_INVALID,
                                 "line %zu: \"%.64s\" is a number out of range (quote a text)",
                                 line_of(builder), text);
        if (!known)
                resolved = json_string(text);
        if (!resolved)
                return refuse(builder, err, "a text is no UTF-8");
        *value = resolved;
        return true;
}

static void note_line(struct builder *builder, const struct level *level)
{
        scoped_free char *path = level->path ? xasprintf("%s%s", level->path, level->key) : NULL;

        if (builder->lines && path)
                json_object_set_new(builder->lines, path,
                                    json_integer((json_int_t)line_of(builder)));
}

/* Takes the key from a scalar. */
static bool add_key(struct builder *builder, struct level *level, json_t *value, struct error *err)
{
        json_auto_t *key = value;

        if (!json_is_string(key))
                return refuse(builder, err, "a key must be a text (quote it)");
        if (json_object_get(level->container, json_string_value(key)))
                return error_set(err, ERROR_INVALID, "line %zu: the key \"%.64s\" is there twice",
                                 line_of(builder), json_string_value(key));
        level->key = xstrdup(json_string_value(key));
        note_line(builder, level);
        return true;
}

/* Puts value, which it takes, where the next one belongs. */
static bool add_value(struct builder *builder, json_t *value, struct error *err)
{
        if (!builder->depth) {
                builder->root = value;
                return true;
        }
        struct level *level = &builder->levels[builder->depth - 1];
        if (json_is_array(level->container))
                return !json_array_append_new(level->container, value);
        if (!level->key)
                return add_key(builder, level, value, err);
        scoped_free char *key = take(level->key);
        return !json_object_set_new(level->container, key, value);
}

/* Of the container that the next value is: "server." before its keys, NULL within a list. */
static char *begin_path(const struct builder *builder)
{
        const struct level *level = builder->depth ? &builder->levels[builder->depth - 1] : NULL;

        if (!level)
                return xstrdup("");
        return level->path && level->key ? xasprintf("%s%s.", level->path, level->key) : NULL;
}

static bool open_container(struct builder *builder, json_t *container, struct error *err)
{
        bool is_key = builder->depth &&
                      json_is_object(builder->levels[builder->depth - 1].container) &&
                      !builder->levels[builder->depth - 1].key;

        if (is_key || builder->depth == JSON_DEPTH_MAX) {
                json_decref(container);
                if (is_key)
                        return refuse(builder, err, "a key must be a text");
                return error_set(err, ERROR_INVALID, "line %zu: nested deeper than %d levels",
                                 line_of(builder), JSON_DEPTH_MAX);
        }
        scoped_free char *path = begin_path(builder);
        if (!add_value(builder, container, err))
                return false;
        struct level *level = &builder->levels[builder->depth++];
        level->container = container;
        free(level->path);
        level->path = take(path);
        return true;
}

static bool handle_scalar(struct builder *builder, struct error *err)
{
        json_t *value = NULL;

        return read_scalar(builder, &value, err) && add_value(builder, value, err);
}

static bool handle_event(struct builder *builder, struct error *err)
{
        const yaml_event_t *event = &builder->event;

        switch (event->type) {
        case YAML_ALIAS_EVENT:
                return refuse(builder, err, "aliases are not supported");
        case YAML_DOCUMENT_START_EVENT:
                return !builder->documents++ || refuse(builder, err, "more than one document");
        case YAML_SCALAR_EVENT:
                if (event->data.scalar.anchor)
                        return refuse(builder, err, "anchors are not supported");
                return handle_scalar(builder, err);
        case YAML_SEQUENCE_START_EVENT:
                if (event->data.sequence_start.anchor)
                        return refuse(builder, err, "anchors are not supported");
                return check_tag(builder, event->data.sequence_start.tag, YAML_SEQ_TAG, err) &&
                       open_container(builder, json_array(), err);
        case YAML_MAPPING_START_EVENT:
                if (event->data.mapping_start.anchor)
                        return refuse(builder, err, "anchors are not supported");
                return check_tag(builder, event->data.mapping_start.tag, YAML_MAP_TAG, err) &&
                       open_container(builder, json_object(), err);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                builder->depth--;
                return true;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
                return true;
        }
        return true;
}

static bool explain(const yaml_parser_t *parser, struct error *err)
{
        return error_set(err, ERROR_INVALID, "line %zu: %s", parser->problem_mark.line + 1,
                         parser->problem ? parser->problem : "no YAML");
}

static bool build(struct builder *builder, struct error *err)
{
        bool more = true;

        while (more) {
                yaml_event_delete(&builder->event);
                if (!yaml_parser_parse(&builder->parser, &builder->event))
                        return explain(&builder->parser, err);
                more = builder->event.type != YAML_STREAM_END_EVENT;
                if (!handle_event(builder, err))
                        return false;
        }
        return true;
}

bool yaml_parse_with_lines(const char *text, size_t length, json_t **value, json_t **lines,
                           struct error *err)
{
        scoped(clear_builder) struct builder builder = { .lines = lines ? json_object() : NULL };

        if (!yaml_parser_initialize(&builder.parser))
                abort();
        yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);
        if (!build(&builder, err))
                return false;
        if (!builder.root || json_is_null(builder.root))
                *value = json_object();
        else
                *value = take(builder.root);
        if (lines != NULL)
                *lines = take(builder.lines);
        return true;
}

bool yaml_parse(const char *text, size_t length, json_t **value, struct error *err)
{
        return yaml_parse_with_lines(text, length, value, NULL, err);
}
