#include "lib/json_excerpt.h"

#include <assert.h>
#include <string.h>

#include "lib/memory.h"

/* What has not been taken yet of the piece that came. */
struct span {
        const char *start;
        size_t length;
};

static void skip(struct span *rest, size_t count)
{
        rest->start += count;
        rest->length -= count;
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool keep(struct json_excerpt *excerpt, const char *bytes, size_t length)
{
        excerpt->over_limit = !buf_append(&excerpt->kept, bytes, length);
        return !excerpt->over_limit;
}

static void leave_out(struct json_excerpt *excerpt)
{
        buf_truncate(&excerpt->kept, excerpt->start);
        excerpt->left_out = true;
}

/* A part of the value, which is a text if that is so. */
static bool keep_part(struct json_excerpt *excerpt, struct span *rest, size_t count)
{
        size_t length = excerpt->kept.length - excerpt->value_start + count;
        const char *part = rest->start;

        skip(rest, count);
        if (!excerpt->left_out && excerpt->state == JSON_EXCERPT_IN_TEXT &&
            length > JSON_EXCERPT_TEXT_MAX)
                leave_out(excerpt);
        return excerpt->left_out || keep(excerpt, part, count);
}

/* How far the string goes, with its closing quote; what cannot stand in one is not counted. */
static size_t measure_string(struct json_excerpt *excerpt, const struct span *rest)
{
        size_t i = 0;

        for (; excerpt->quoted && i < rest->length && (unsigned char)rest->start[i] >= ' '; i++) {
                excerpt->quoted = excerpt->escaped || rest->start[i] != '"';
                excerpt->escaped = !excerpt->escaped && rest->start[i] == '\\';
        }
        return i;
}

static bool has_bad_byte(const struct json_excerpt *excerpt, const struct span *rest, size_t length)
{
        return excerpt->quoted && length < rest->length;
}

static const char *name_at(const struct json_selection *selection, size_t i)
{
        return selection->sections ? selection->sections[i].name : selection->fields[i].name;
}

/* Its place in the selection, or count: also of all that are kept. */
static size_t find(const struct json_selection *selection, struct span name)
{
        size_t i = 0;

        while (i < selection->count &&
               (strlen(name_at(selection, i)) != name.length ||
                memcmp(name_at(selection, i), name.start, name.length) != 0))
                i++;
        return i;
}

/* Of an object that is the value of a member; { 0 } where all of it is kept. */
static struct json_selection select_within(const struct json_selection *outer, size_t found)
{
        const struct json_section *section = outer->each;

        if (outer->sections && found < outer->count)
                section = &outer->sections[found];
        if (!section)
                return (struct json_selection){ 0 };
        if (section->each && section != outer->each)
                return (struct json_selection){ .each = section };
        return (struct json_selection){ .fields = section->fields, .count = section->count };
}

static bool open_level(struct json_excerpt *excerpt, const struct json_selection *selection)
{
        excerpt->level = excerpt->level ? excerpt->level + 1 : excerpt->levels;
        assert(excerpt->level < excerpt->levels + JSON_EXCERPT_LEVELS);
        excerpt->level->selection = *selection;
        excerpt->level->any = false;
        excerpt->state = JSON_EXCERPT_FIRST_NAME;
        return keep(excerpt, "{", 1);
}

static bool close_level(struct json_excerpt *excerpt)
{
        bool outermost = excerpt->level == excerpt->levels;

        excerpt->level -= !outermost;
        excerpt->state = outermost ? JSON_EXCERPT_END : JSON_EXCERPT_MEMBER_END;
        return keep(excerpt, "}", 1);
}

static bool take_object(struct json_excerpt *excerpt, struct span *rest)
{
        const struct json_selection selection = excerpt->within;

        if (*rest->start != '{')
                return false;
        skip(rest, 1);
        return open_level(excerpt, &selection);
}

/* It is kept until it is known. */
static bool take_name(struct json_excerpt *excerpt, struct span *rest)
{
        if (*rest->start != '"')
                return false;
        skip(rest, 1);
        excerpt->start = excerpt->kept.length;
        excerpt->left_out = false;
        excerpt->quoted = true;
        excerpt->state = JSON_EXCERPT_IN_NAME;
        return (!excerpt->level->any || keep(excerpt, ",", 1)) && keep(excerpt, "\"", 1);
}

static bool take_first_name(struct json_excerpt *excerpt, struct span *rest)
{
        if (*rest->start != '}')
                return take_name(excerpt, rest);
        skip(rest, 1);
        return close_level(excerpt);
}

/* A name with an escape in it may mean any: it is kept, and jansson reads it. */
static bool judge_name(struct json_excerpt *excerpt)
{
        const struct json_selection *selection = &excerpt->level->selection;
        size_t start = excerpt->start + 1 + excerpt->level->any;
        struct span name = { excerpt->kept.text + start, excerpt->kept.length - 1 - start };
        size_t found = find(selection, name);
        bool wanted = found < selection->count || selection->each ||
                      memchr(name.start, '\\', name.length);

        excerpt->state = JSON_EXCERPT_COLON;
        if (!wanted) {
                leave_out(excerpt);
                return true;
        }
        excerpt->within = select_within(selection, found);
        return keep(excerpt, ":", 1);
}

static bool take_in_name(struct json_excerpt *excerpt, struct span *rest)
{
        size_t length = measure_string(excerpt, rest);

        if (has_bad_byte(excerpt, rest, length) || !keep_part(excerpt, rest, length))
                return false;
        return excerpt->quoted || judge_name(excerpt);
}

static bool take_colon(struct json_excerpt *excerpt, struct span *rest)
{
        bool good = *rest->start == ':';

        skip(rest, 1);
        excerpt->value_start = excerpt->kept.length;
        excerpt->state = JSON_EXCERPT_VALUE;
        return good;
}

/* Of an object of which not all is read. */
static bool opens_level(const struct json_excerpt *excerpt, char c)
{
        return c == '{' && !excerpt->left_out &&
               (excerpt->within.each || excerpt->within.count > 0);
}

static bool take_value(struct json_excerpt *excerpt, struct span *rest)
{
        char c = *rest->start;

        if (opens_level(excerpt, c)) {
                excerpt->level->any = true;
                return take_object(excerpt, rest);
        }
        if (c == '{' || c == '[') {
                excerpt->state = JSON_EXCERPT_IN_BRACKETS;
                return true;
        }
        excerpt->quoted = c == '"';
        excerpt->state = excerpt->quoted ? JSON_EXCERPT_IN_TEXT : JSON_EXCERPT_IN_WORD;
        return !strchr(",:]}", c) && keep_part(excerpt, rest, 1);
}

static void end_value(struct json_excerpt *excerpt)
{
        excerpt->level->any |= !excerpt->left_out;
        excerpt->state = JSON_EXCERPT_MEMBER_END;
}

static bool take_in_text(struct json_excerpt *excerpt, struct span *rest)
{
        size_t length = measure_string(excerpt, rest);

        if (has_bad_byte(excerpt, rest, length) || !keep_part(excerpt, rest, length))
                return false;
        if (!excerpt->quoted)
                end_value(excerpt);
        return true;
}

static bool note_bracket(struct json_excerpt *excerpt, char c)
{
        if (c == '{' || c == '[') {
                excerpt->curly = excerpt->curly << 1 | (c == '{');
                return ++excerpt->depth <= JSON_DEPTH_MAX;
        }
        if (c != '}' && c != ']')
                return true;
        bool pair = (c == '}') == (excerpt->curly & 1);
        excerpt->curly >>= 1;
        excerpt->depth--;
        return pair;
}

/* Up to a string, or behind the bracket that closes the first. */
static bool measure_brackets(struct json_excerpt *excerpt, const struct span *rest, size_t *length)
{
        size_t i = 0;
        bool open = true;

        for (; open && !excerpt->quoted && i < rest->length; i++) {
                if (!note_bracket(excerpt, rest->start[i]))
                        return false;
                excerpt->quoted = rest->start[i] == '"';
                open = excerpt->depth > 0;
        }
        *length = i;
        return true;
}

static bool take_in_brackets(struct json_excerpt *excerpt, struct span *rest)
{
        size_t length = measure_string(excerpt, rest);

        if (has_bad_byte(excerpt, rest, length))
                return false;
        if (length == 0 && !measure_brackets(excerpt, rest, &length))
                return false;
        if (excerpt->depth == 0)
                end_value(excerpt);
        return keep_part(excerpt, rest, length);
}

static bool take_in_word(struct json_excerpt *excerpt, struct span *rest)
{
        size_t length = 0;

        while (length < rest->length && !strchr(",:]}[{\" \t\r\n", rest->start[length]))
                length++;
        if (length < rest->length)
                end_value(excerpt);
        return keep_part(excerpt, rest, length);
}

static bool take_member_end(struct json_excerpt *excerpt, struct span *rest)
{
        char c = *rest->start;

        skip(rest, 1);
        if (c == '}')
                return close_level(excerpt);
        excerpt->state = JSON_EXCERPT_NAME;
        return c == ',';
}

static bool take_end(struct json_excerpt *excerpt, struct span *rest)
{
        (void)excerpt;
        (void)rest;
        return false;
}

static bool (*const takes[])(struct json_excerpt *excerpt, struct span *rest) = {
        [JSON_EXCERPT_OBJECT] = take_object,   [JSON_EXCERPT_FIRST_NAME] = take_first_name,
        [JSON_EXCERPT_NAME] = take_name,       [JSON_EXCERPT_COLON] = take_colon,
        [JSON_EXCERPT_VALUE] = take_value,     [JSON_EXCERPT_MEMBER_END] = take_member_end,
        [JSON_EXCERPT_END] = take_end,         [JSON_EXCERPT_IN_NAME] = take_in_name,
        [JSON_EXCERPT_IN_TEXT] = take_in_text, [JSON_EXCERPT_IN_BRACKETS] = take_in_brackets,
        [JSON_EXCERPT_IN_WORD] = take_in_word,
};

void json_excerpt_init(struct json_excerpt *excerpt, const struct json_section *sections,
                       size_t count, size_t limit_bytes)
{
        *excerpt = (struct json_excerpt){
                .within = { .sections = sections, .count = count }
        };
        buf_init(&excerpt->kept, limit_bytes);
}

void json_excerpt_clear(struct json_excerpt *excerpt)
{
        buf_clear(&excerpt->kept);
}

static bool refuse(const struct json_excerpt *excerpt, struct error *err)
{
        if (excerpt->over_limit)
                return error_set(err, ERROR_INVALID, "more than %zu bytes of it would be read",
                                 excerpt->kept.limit);
        return error_set(err, ERROR_INVALID, "no JSON: an object that is whole is expected");
}

bool json_excerpt_take(struct json_excerpt *excerpt, const char *bytes, size_t length,
                       struct error *err)
{
        struct span rest = { bytes, length };

        while (rest.length > 0)
                if (excerpt->state <= JSON_EXCERPT_END && is_space(*rest.start))
                        skip(&rest, 1);
                else if (!takes[excerpt->state](excerpt, &rest))
                        return refuse(excerpt, err);
        return true;
}

bool json_excerpt_finish_shared(const struct json_excerpt *excerpt, json_t **object,
                                struct error *err)
{
        if (excerpt->state != JSON_EXCERPT_END)
                return refuse(excerpt, err);
        return json_parse_shared(excerpt->kept.text, excerpt->kept.length, object, err);
}

/* Where no excerpt can be made jansson says what is wrong with the text. */
bool json_excerpt_parse(const char *text, size_t length, const struct json_section *sections,
                        size_t count, json_t **object, struct error *err)
{
        scoped(json_excerpt_clear) struct json_excerpt excerpt = { 0 };
        struct error unused = { 0 };

        json_excerpt_init(&excerpt, sections, count, 0);
        if (!json_excerpt_take(&excerpt, text, length, &unused) ||
            excerpt.state != JSON_EXCERPT_END)
                return json_parse_object(text, length, object, err);
        return json_parse_object(excerpt.kept.text, excerpt.kept.length, object, err);
}
