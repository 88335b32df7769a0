#include "lib/json_excerpt.h"

#include <string.h>

#include "lib/memory.h"

/* What is left of the text, and what was kept of what stood before. */
struct excerpt {
        const char *at, *end;
        struct buf kept;
};

struct span {
        const char *start;
        size_t length;
};

/* Which members of an object are kept: sections, fields of one, or all of one of objects. */
struct selection {
        const struct json_section *sections;
        const struct json_field *fields;
        size_t count;
        const struct json_section *each; /* or NULL */
};

static char peek(const struct excerpt *excerpt)
{
        return *(excerpt->at < excerpt->end ? excerpt->at : "");
}

static void skip_space(struct excerpt *excerpt)
{
        while (excerpt->at < excerpt->end && (*excerpt->at == ' ' || *excerpt->at == '\t' ||
                                              *excerpt->at == '\n' || *excerpt->at == '\r'))
                excerpt->at++;
}

static bool skip_byte(struct excerpt *excerpt, char byte)
{
        if (peek(excerpt) != byte)
                return false;
        excerpt->at++;
        return true;
}

static bool skip_string(struct excerpt *excerpt)
{
        bool escaped = false;

        if (!skip_byte(excerpt, '"'))
                return false;
        for (; excerpt->at < excerpt->end && (unsigned char)*excerpt->at >= ' '; excerpt->at++) {
                if (!escaped && *excerpt->at == '"')
                        return skip_byte(excerpt, '"');
                escaped = !escaped && *excerpt->at == '\\';
        }
        return false;
}

/* Brackets that are open: of each a bit says whether it is curly, the latest in the lowest. */
struct nesting {
        uint64_t curly;
        unsigned depth;
};

static bool note_bracket(struct nesting *nesting, char c)
{
        if (c == '{' || c == '[') {
                nesting->curly = nesting->curly << 1 | (c == '{');
                return ++nesting->depth <= JSON_DEPTH_MAX;
        }
        if (c != '}' && c != ']')
                return true;
        bool pair = (c == '}') == (nesting->curly & 1);
        nesting->curly >>= 1;
        nesting->depth--;
        return pair;
}

/* Up to the bracket that closes the first. */
static bool skip_brackets(struct excerpt *excerpt)
{
        struct nesting nesting = { 0 };

        do {
                bool good = peek(excerpt) == '"' ? skip_string(excerpt)
                                                 : note_bracket(&nesting, *excerpt->at++);

                if (!good)
                        return false;
        } while (nesting.depth > 0 && excerpt->at < excerpt->end);
        return nesting.depth == 0;
}

static bool skip_word(struct excerpt *excerpt)
{
        const char *start = excerpt->at;

        while (excerpt->at < excerpt->end && !strchr(",:]}[{\" \t\r\n", *excerpt->at))
                excerpt->at++;
        return excerpt->at > start;
}

static bool skip_value(struct excerpt *excerpt)
{
        switch (peek(excerpt)) {
        case '"':
                return skip_string(excerpt);
        case '{':
        case '[':
                return skip_brackets(excerpt);
        default:
                return skip_word(excerpt);
        }
}

static const char *name_at(const struct selection *selection, size_t i)
{
        return selection->sections ? selection->sections[i].name : selection->fields[i].name;
}

/* Its place in the selection, or count: also of all that are kept. */
static size_t find(const struct selection *selection, struct span name)
{
        size_t i = 0;

        while (i < selection->count &&
               (strlen(name_at(selection, i)) != name.length ||
                memcmp(name_at(selection, i), name.start, name.length) != 0))
                i++;
        return i;
}

/* Of an object that is the value of a member; { 0 } where all of it is kept. */
static struct selection select_within(const struct selection *outer, size_t found)
{
        const struct json_section *section = outer->each;

        if (outer->sections && found < outer->count)
                section = &outer->sections[found];
        if (!section)
                return (struct selection){ 0 };
        if (section->each && section != outer->each)
                return (struct selection){ .each = section };
        return (struct selection){ .fields = section->fields, .count = section->count };
}

static bool keep_object(struct excerpt *excerpt, const struct selection *selection);

static void keep_name(struct excerpt *excerpt, struct span quoted, bool *any)
{
        if (*any)
                buf_add(&excerpt->kept, ",");
        *any = true;
        buf_append(&excerpt->kept, quoted.start, quoted.length);
        buf_add(&excerpt->kept, ":");
}

/* The value at this place is kept under that name, if it is no text that is too long. */
static bool keep_member(struct excerpt *excerpt, struct span quoted, const struct selection *within,
                        bool *any)
{
        const char *start = excerpt->at;

        if (peek(excerpt) == '{' && (within->each || within->count > 0)) {
                keep_name(excerpt, quoted, any);
                return keep_object(excerpt, within);
        }
        if (!skip_value(excerpt))
                return false;
        if (*start == '"' && excerpt->at - start > JSON_EXCERPT_TEXT_MAX)
                return true;
        keep_name(excerpt, quoted, any);
        return buf_append(&excerpt->kept, start, (size_t)(excerpt->at - start));
}

/* A name with an escape in it may mean any: it is kept, and jansson reads it. */
static bool read_member(struct excerpt *excerpt, const struct selection *selection, bool *any)
{
        const char *start = excerpt->at;

        if (!skip_string(excerpt))
                return false;
        struct span quoted = { start, (size_t)(excerpt->at - start) };
        struct span name = { start + 1, quoted.length - 2 };
        size_t found = find(selection, name);
        skip_space(excerpt);
        if (!skip_byte(excerpt, ':'))
                return false;
        skip_space(excerpt);
        if (found == selection->count && !selection->each && !memchr(name.start, '\\', name.length))
                return skip_value(excerpt);
        const struct selection within = select_within(selection, found);
        return keep_member(excerpt, quoted, &within, any);
}

static bool keep_object(struct excerpt *excerpt, const struct selection *selection)
{
        bool any = false;

        if (!skip_byte(excerpt, '{'))
                return false;
        buf_add(&excerpt->kept, "{");
        skip_space(excerpt);
        for (bool first = true; !skip_byte(excerpt, '}'); first = false) {
                if (!first && !skip_byte(excerpt, ','))
                        return false;
                skip_space(excerpt);
                if (!read_member(excerpt, selection, &any))
                        return false;
                skip_space(excerpt);
        }
        buf_add(&excerpt->kept, "}");
        return true;
}

static bool cut(struct excerpt *excerpt, const struct selection *selection)
{
        skip_space(excerpt);
        if (!keep_object(excerpt, selection))
                return false;
        skip_space(excerpt);
        return excerpt->at == excerpt->end;
}

/* Where none can be made it is the text itself: jansson says what is wrong with that. */
static struct span make_excerpt(struct span text, const struct json_section *sections, size_t count,
                                struct buf *kept)
{
        struct excerpt excerpt = { .at = text.start, .end = text.start + text.length };
        const struct selection selection = { .sections = sections, .count = count };
        bool good = cut(&excerpt, &selection);

        *kept = excerpt.kept;
        return good ? (struct span){ buf_text(kept), kept->length } : text;
}

bool json_excerpt_parse(const char *text, size_t length, const struct json_section *sections,
                        size_t count, json_t **object, struct error *err)
{
        scoped(buf_clear) struct buf kept = { 0 };
        struct span excerpt = make_excerpt((struct span){ text, length }, sections, count, &kept);

        return json_parse_object(excerpt.start, excerpt.length, object, err);
}

bool json_excerpt_parse_shared(const char *text, size_t length, const struct json_section *sections,
                               size_t count, json_t **object, struct error *err)
{
        scoped(buf_clear) struct buf kept = { 0 };
        struct span excerpt = make_excerpt((struct span){ text, length }, sections, count, &kept);

        return json_parse_shared(excerpt.start, excerpt.length, object, err);
}
