#include "lib/options/option_value.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/duration.h"
#include "lib/memory.h"

static void *member_of(const struct option_row *row, void *record)
{
        return (char *)record + row->offset;
}

static bool is_in_range(const struct option_row *row, int64_t value)
{
        return (!row->minimum && !row->maximum) || (value >= row->minimum && value <= row->maximum);
}

static bool is_choice(const char *choices, const char *text)
{
        size_t length = strlen(text);

        for (const char *at = choices; *at;) {
                size_t word = strcspn(at, "|");
                if (word == length && !memcmp(at, text, length))
                        return true;
                at += word + (at[word] == '|');
        }
        return false;
}

static bool check_text(const struct option_row *row, const char *text, struct error *err)
{
        if (!row->choices || is_choice(row->choices, text))
                return !row->check || row->check(text, err);
        return error_set(err, ERROR_INVALID, "\"%.64s\" is not one of %s", text, row->choices);
}

static bool set_text(const struct option_row *row, const char *text, void *record,
                     struct error *err)
{
        char **member = (char **)member_of(row, record);

        if (!check_text(row, text, err))
                return false;
        free(*member);
        *member = xstrdup(text);
        return true;
}

static bool set_bool(const struct option_row *row, const char *text, void *record,
                     struct error *err)
{
        bool yes = !strcmp(text, "true") || !strcmp(text, "1");

        if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
                return error_set(err, ERROR_INVALID, "\"%.64s\" is neither true nor false", text);
        *(bool *)member_of(row, record) = yes;
        return true;
}

static bool set_integer(const struct option_row *row, int64_t value, void *record,
                        struct error *err)
{
        if (!is_in_range(row, value))
                return error_set(err, ERROR_INVALID,
                                 "%" PRId64 " is out of range (%" PRId64 " to %" PRId64 ")", value,
                                 row->minimum, row->maximum);
        *(int64_t *)member_of(row, record) = value;
        return true;
}

static bool parse_integer(const struct option_row *row, const char *text, void *record,
                          struct error *err)
{
        char *end = NULL;

        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (errno || end == text || *end || *text == ' ')
                return error_set(err, ERROR_INVALID, "\"%.64s\" is no whole number", text);
        return set_integer(row, value, record, err);
}

static bool set_duration(const struct option_row *row, const char *text, void *record,
                         struct error *err)
{
        char least[DURATION_TEXT_SIZE], most[DURATION_TEXT_SIZE];
        int64_t seconds = 0;

        if (!duration_parse_seconds(text, &seconds, err))
                return false;
        if (!is_in_range(row, seconds))
                return error_set(err, ERROR_INVALID, "\"%.64s\" is out of range (%s to %s)", text,
                                 duration_format_seconds(row->minimum, least),
                                 duration_format_seconds(row->maximum, most));
        *(int64_t *)member_of(row, record) = seconds;
        return true;
}

/* Calls add for each part between commas; parts that are empty are left out. */
static bool split(const struct option_row *row, const char *text, void *member,
                  bool (*add)(const struct option_row *row, const char *part, void *member,
                              struct error *err),
                  struct error *err)
{
        scoped(text_list_clear) struct text_list parts = { 0 };

        text_list_split(&parts, text, ",");
        for (size_t i = 0; i < parts.count; i++)
                if (!add(row, parts.items[i], member, err))
                        return false;
        return true;
}

static bool add_item(const struct option_row *row, const char *part, void *member,
                     struct error *err)
{
        if (!check_text(row, part, err))
                return false;
        text_list_add(member, part);
        return true;
}

static bool add_pair(const struct option_row *row, const char *part, void *member,
                     struct error *err)
{
        const char *equals = strchr(part, '=');
        json_t **map = (json_t **)member;

        if (!equals || equals == part)
                return error_set(err, ERROR_INVALID, "\"%.64s\" is no KEY=VALUE", part);
        if (!check_text(row, equals + 1, err))
                return false;
        scoped_free char *key = xstrndup(part, (size_t)(equals - part));
        scoped_free char *clean = xstrdup(key);
        json_object_set_new(*map, error_clean_line(clean), json_text(equals + 1));
        return true;
}

bool option_value_set(const struct option_row *row, const char *text, bool append, void *record,
                      struct error *err)
{
        void *member = NULL;

        switch (row->kind) {
        case OPTION_TEXT:
                return set_text(row, text, record, err);
        case OPTION_BOOL:
                return set_bool(row, text, record, err);
        case OPTION_INTEGER:
                return parse_integer(row, text, record, err);
        case OPTION_DURATION:
                return set_duration(row, text, record, err);
        case OPTION_TEXT_LIST:
        case OPTION_TEXT_MAP:
                if (!append)
                        option_value_clear(row, record);
                member = member_of(row, record);
                if (row->kind == OPTION_TEXT_LIST)
                        return split(row, text, member, add_item, err);
                if (!*(json_t **)member)
                        *(json_t **)member = json_object();
                return split(row, text, member, add_pair, err);
        case OPTION_ELSEWHERE:
                return true;
        }
        return true;
}

static bool refuse_type(const json_t *value, const char *expected, struct error *err)
{
        scoped(buf_clear) struct buf given = { 0 };

        json_print(value, &given);
        return error_set(err, ERROR_INVALID, "%.64s is not %s", buf_text(&given), expected);
}

static bool decode_integer(const struct option_row *row, const json_t *value, void *record,
                           struct error *err)
{
        if (!json_is_integer(value))
                return refuse_type(value, "a whole number", err);
        return set_integer(row, json_integer_value(value), record, err);
}

static bool decode_list(const struct option_row *row, const json_t *value, void *record,
                        struct error *err)
{
        const json_t *item = NULL;
        size_t i = 0;

        option_value_clear(row, record);
        if (json_is_string(value))
                return add_item(row, json_string_value(value), member_of(row, record), err);
        if (!json_is_array(value))
                return refuse_type(value, "a list of texts", err);
        json_array_foreach(value, i, item)
        {
                if (!json_is_string(item))
                        return refuse_type(item, "a text (quote it)", err);
                if (!add_item(row, json_string_value(item), member_of(row, record), err))
                        return false;
        }
        return true;
}

static bool decode_map(const struct option_row *row, const json_t *value, void *record,
                       struct error *err)
{
        json_auto_t *map = json_deep_copy(value);
        const char *key = NULL;
        json_t *item = NULL;

        if (!json_is_object(map))
                return refuse_type(value, "a map of texts", err);
        json_object_foreach(map, key, item)
        {
                if (!json_is_string(item))
                        return refuse_type(item, "a text (quote it)", err);
                if (!check_text(row, json_string_value(item), err))
                        return false;
        }
        option_value_clear(row, record);
        *(json_t **)member_of(row, record) = take(map);
        return true;
}

bool option_value_decode(const struct option_row *row, const json_t *value, void *record,
                         struct error *err)
{
        switch (row->kind) {
        case OPTION_TEXT:
                return json_is_string(value) ? set_text(row, json_string_value(value), record, err)
                                             : refuse_type(value, "a text (quote it)", err);
        case OPTION_BOOL:
                if (!json_is_boolean(value))
                        return refuse_type(value, "true or false", err);
                *(bool *)member_of(row, record) = json_is_true(value);
                return true;
        case OPTION_INTEGER:
                return decode_integer(row, value, record, err);
        case OPTION_DURATION:
                return json_is_string(value)
                               ? set_duration(row, json_string_value(value), record, err)
                               : refuse_type(value, "a duration like 30m or 1h30m", err);
        case OPTION_TEXT_LIST:
                return decode_list(row, value, record, err);
        case OPTION_TEXT_MAP:
                return decode_map(row, value, record, err);
        case OPTION_ELSEWHERE:
                return true;
        }
        return true;
}

static json_t *encode_list(const struct text_list *list)
{
        return list->count > 0 ? json_text_list(list) : NULL;
}

static json_t *encode_duration(int64_t seconds)
{
        char text[DURATION_TEXT_SIZE];

        return json_text(duration_format_seconds(seconds, text));
}

json_t *option_value_encode(const struct option_row *row, const void *record)
{
        const void *member = (const char *)record + row->offset;

        switch (row->kind) {
        case OPTION_TEXT:
                return *(char *const *)member ? json_text(*(char *const *)member) : NULL;
        case OPTION_BOOL:
                return json_boolean(*(const bool *)member);
        case OPTION_INTEGER:
                return json_integer(*(const int64_t *)member);
        case OPTION_DURATION:
                return encode_duration(*(const int64_t *)member);
        case OPTION_TEXT_LIST:
                return encode_list(member);
        case OPTION_TEXT_MAP:
                return json_deep_copy(*(json_t *const *)member);
        case OPTION_ELSEWHERE:
                break;
        }
        return NULL;
}

void option_value_clear(const struct option_row *row, void *record)
{
        void *member = member_of(row, record);

        switch (row->kind) {
        case OPTION_TEXT:
                free(*(char **)member);
                *(char **)member = NULL;
                break;
        case OPTION_TEXT_LIST:
                text_list_clear(member);
                break;
        case OPTION_TEXT_MAP:
                json_decref(*(json_t **)member);
                *(json_t **)member = NULL;
                break;
        case OPTION_BOOL:
                *(bool *)member = false;
                break;
        case OPTION_INTEGER:
        case OPTION_DURATION:
                *(int64_t *)member = 0;
                break;
        case OPTION_ELSEWHERE:
                break;
        }
}
