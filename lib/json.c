#include "lib/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/secret.h"

/* jansson holds tokens, so what it frees is wiped; and its hash seed is drawn here, since a
 * sandbox may hide /dev/urandom later. */
__attribute__((constructor)) static void prepare_jansson(void)
{
        size_t seed = 0;

        json_set_alloc_funcs(xmalloc, free_wiped);
        if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
                json_object_seed(seed);
}

/* jansson calls itself for every level, and fibers have small stacks: so levels are counted before
 * it sees the text. Up to the first mistake both read the text alike. */
static bool is_too_deep(const char *text, size_t length)
{
        size_t depth = 0;
        bool quoted = false;

        for (size_t i = 0; i < length; i++) {
                char c = text[i];
                if (quoted && c == '\\')
                        i++;
                else if (c == '"')
                        quoted = !quoted;
                else if (!quoted && (c == '{' || c == '['))
                        depth++;
                else if (!quoted && (c == '}' || c == ']') && depth)
                        depth--;
                if (depth > JSON_DEPTH_MAX)
                        return true;
        }
        return false;
}

/* jansson quotes the text where it stopped. That may be a token, so it is cut off, but for a key.
 */
static bool explain(json_error_t *problem, struct error *err)
{
        char *quote = strstr(problem->text, " near ");

        if (quote && json_error_code(problem) != json_error_duplicate_key)
                *quote = '\0';
        return error_set(err, ERROR_INVALID, "no JSON: %s (line %d, column %d)", problem->text,
                         problem->line, problem->column);
}

static bool parse(const char *text, size_t length, size_t flags, json_t **value, struct error *err)
{
        json_error_t problem;

        if (!length)
                return error_set(err, ERROR_INVALID, "no JSON: nothing there");
        if (memchr(text, '\0', length)) /* jansson passes over one behind a number */
                return error_set(err, ERROR_INVALID, "no JSON: a NUL byte in it");
        if (is_too_deep(text, length))
                return error_set(err, ERROR_INVALID, "nested deeper than %d levels",
                                 JSON_DEPTH_MAX);
        json_t *parsed = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags,
                                    &problem);
        if (!parsed)
                return explain(&problem, err);
        *value = parsed;
        return true;
}

static bool parse_object(const char *text, size_t length, size_t flags, json_t **object,
                         struct error *err)
{
        json_auto_t *value = NULL;

        if (!parse(text, length, flags, &value, err))
                return false;
        if (!json_is_object(value))
                return error_set(err, ERROR_INVALID, "a JSON object is expected");
        *object = take(value);
        return true;
}

bool json_parse(const char *text, size_t length, json_t **value, struct error *err)
{
        return parse(text, length, 0, value, err);
}

bool json_parse_object(const char *text, size_t length, json_t **object, struct error *err)
{
        return parse_object(text, length, 0, object, err);
}

bool json_parse_shared(const char *text, size_t length, json_t **object, struct error *err)
{
        return parse_object(text, length, JSON_ALLOW_NUL, object, err);
}

static int append_dump(const char *bytes, size_t length, void *buf)
{
        return buf_append(buf, bytes, length) ? 0 : -1;
}

void json_print(const json_t *value, struct buf *buf)
{
        if (json_dump_callback(value, append_dump, buf, JSON_COMPACT | JSON_ENCODE_ANY))
                abort();
}

json_t *json_text(const char *text)
{
        json_t *value = json_string(text);

        if (value)
                return value;
        scoped_free char *clean = xstrdup(text);
        return json_string(error_clean_line(clean));
}

json_t *json_text_list(const struct text_list *list)
{
        json_t *array = json_array();

        for (size_t i = 0; i < list->count; i++)
                json_array_append_new(array, json_text(list->items[i]));
        return array;
}

void json_set_text(json_t *object, const char *key, const char *text)
{
        if (text)
                json_object_set_new(object, key, json_text(text));
}

json_t *json_at(const json_t *root, const char *path)
{
        /* As json_object_get(): what it finds can be changed even if the object was const. */
        union {
                const json_t *given;
                json_t *found;
        } value = { root };

        for (const char *step = path; value.found && *step;) {
                size_t length = strcspn(step, ".");
                value.found = json_object_getn(value.given, step, length);
                step += length + (step[length] == '.');
        }
        return value.found;
}

const char *json_text_at(const json_t *root, const char *path)
{
        const json_t *value = json_at(root, path);
        const char *text = json_string_value(value);

        return text && strlen(text) == json_string_length(value) ? text : NULL;
}

int64_t json_integer_at(const json_t *root, const char *path, int64_t fallback)
{
        const json_t *value = json_at(root, path);

        return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_bool_at(const json_t *root, const char *path, bool fallback)
{
        const json_t *value = json_at(root, path);

        return json_is_boolean(value) ? json_is_true(value) : fallback;
}

json_t *json_find_named(const json_t *array, const char *name)
{
        size_t index = 0;
        json_t *item = NULL;

        json_array_foreach(array, index, item)
        {
                const char *found = json_text_at(item, "name");
                if (found && strcmp(found, name) == 0)
                        return item;
        }
        return NULL;
}

const char *json_find_member(json_t *object, const char *name)
{
        const char *found = NULL;

        for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
                const char *member = json_object_iter_key(at);
                if (strcmp(member, name) == 0)
                        return member;
                if (strcasecmp(member, name) == 0)
                        found = member;
        }
        return found;
}

static size_t limit_of(const struct json_field *field)
{
        return field->limit ? field->limit : LIMIT_JSON_TEXT;
}

static bool has_type(const struct json_field *field, const json_t *value)
{
        const json_t *item = NULL;
        size_t i = 0;

        switch (field->kind) {
        case JSON_KIND_TEXT:
        case JSON_KIND_SECRET:
                return json_is_string(value);
        case JSON_KIND_BOOL:
                return json_is_boolean(value);
        case JSON_KIND_INTEGER:
                return json_is_integer(value);
        case JSON_KIND_TEXT_LIST:
                json_array_foreach(value, i, item) if (!json_is_string(item)) return false;
                return json_is_array(value);
        case JSON_KIND_JSON:
                return true;
        }
        return false;
}

static bool check_text(const struct json_field *field, const json_t *value, size_t limit,
                       struct error *err)
{
        if (strlen(json_string_value(value)) != json_string_length(value))
                return error_set(err, ERROR_INVALID, "\"%s\" holds a NUL character", field->name);
        if (json_string_length(value) > limit)
                return error_set(err, ERROR_INVALID, "\"%s\" is longer than %zu bytes", field->name,
                                 limit);
        return true;
}

static bool check_list(const struct json_field *field, const json_t *value, struct error *err)
{
        if (json_array_size(value) > limit_of(field))
                return error_set(err, ERROR_INVALID, "\"%s\" has more than %zu items", field->name,
                                 limit_of(field));
        for (size_t i = 0; i < json_array_size(value); i++)
                if (!check_text(field, json_array_get(value, i), LIMIT_JSON_TEXT, err))
                        return false;
        return true;
}

static bool check_field(const struct json_field *field, const json_t *value, struct error *err)
{
        if (!value || json_is_null(value))
                return !field->required ||
                       error_set(err, ERROR_INVALID, "\"%s\" is missing", field->name);
        if (!has_type(field, value))
                return error_set(err, ERROR_INVALID, "\"%s\" has the wrong type", field->name);
        if (field->kind == JSON_KIND_TEXT_LIST)
                return check_list(field, value, err);
        if (field->kind == JSON_KIND_TEXT || field->kind == JSON_KIND_SECRET)
                return check_text(field, value, limit_of(field), err);
        return true;
}

static void clear_member(const struct json_field *field, void *member)
{
        switch (field->kind) {
        case JSON_KIND_TEXT:
                free(*(char **)member);
                *(char **)member = NULL;
                break;
        case JSON_KIND_SECRET:
                secret_clear(member);
                break;
        case JSON_KIND_TEXT_LIST:
                text_list_clear(member);
                break;
        case JSON_KIND_JSON:
                json_decref(*(json_t **)member);
                *(json_t **)member = NULL;
                break;
        case JSON_KIND_BOOL:
                *(bool *)member = false;
                break;
        case JSON_KIND_INTEGER:
                *(int64_t *)member = 0;
                break;
        }
}

/* The value has been checked. */
static void set_member(const struct json_field *field, json_t *value, void *member)
{
        clear_member(field, member);
        switch (field->kind) {
        case JSON_KIND_TEXT:
                *(char **)member = xstrdup(json_string_value(value));
                break;
        case JSON_KIND_SECRET:
                secret_set(member, json_string_value(value), json_string_length(value));
                break;
        case JSON_KIND_TEXT_LIST:
                for (size_t i = 0; i < json_array_size(value); i++)
                        text_list_add(member, json_string_value(json_array_get(value, i)));
                break;
        case JSON_KIND_JSON:
                *(json_t **)member = json_incref(value);
                break;
        case JSON_KIND_BOOL:
                *(bool *)member = json_is_true(value);
                break;
        case JSON_KIND_INTEGER:
                *(int64_t *)member = json_integer_value(value);
                break;
        }
}

bool json_fields_read(const json_t *object, const struct json_field *fields, size_t count,
                      void *record, struct error *err)
{
        if (!json_is_object(object))
                return error_set(err, ERROR_INVALID, "a JSON object is expected");
        for (size_t i = 0; i < count; i++)
                if (!check_field(&fields[i], json_object_get(object, fields[i].name), err))
                        return false;

        for (size_t i = 0; i < count; i++) {
                json_t *value = json_object_get(object, fields[i].name);
                if (value && !json_is_null(value))
                        set_member(&fields[i], value, (char *)record + fields[i].offset);
        }
        return true;
}

/* NULL: left out. */
static json_t *write_member(const struct json_field *field, const void *member)
{
        const struct text_list *list = member;
        const struct secret *secret = member;
        const char *text = NULL;

        switch (field->kind) {
        case JSON_KIND_TEXT:
                text = *(char *const *)member;
                return text ? json_text(text) : NULL;
        case JSON_KIND_SECRET:
                return secret_is_empty(secret) ? NULL : json_text(secret_text(secret));
        case JSON_KIND_TEXT_LIST:
                return list->count ? json_text_list(list) : NULL;
        case JSON_KIND_JSON:
                return json_incref(*(json_t *const *)member);
        case JSON_KIND_BOOL:
                return json_boolean(*(const bool *)member);
        case JSON_KIND_INTEGER:
                return json_integer(*(const int64_t *)member);
        }
        return NULL;
}

json_t *json_fields_write(const struct json_field *fields, size_t count, const void *record)
{
        json_t *object = json_object();

        for (size_t i = 0; i < count; i++) {
                const void *member = (const char *)record + fields[i].offset;
                json_t *value = write_member(&fields[i], member);
                if (value)
                        json_object_set_new(object, fields[i].name, value);
        }
        return object;
}

void json_fields_clear(const struct json_field *fields, size_t count, void *record)
{
        for (size_t i = 0; i < count; i++)
                clear_member(&fields[i], (char *)record + fields[i].offset);
}
