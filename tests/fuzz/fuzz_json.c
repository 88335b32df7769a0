#include <assert.h>
#include <stdlib.h>

#include "lib/json_excerpt.h"
#include "lib/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct record {
        char *a;
};

static const struct json_field fields[] = {
        { "a", JSON_KIND_TEXT, offsetof(struct record, a), false, 0 },
};

static const struct json_section sections[] = {
        { "s", fields, ARRAY_LENGTH(fields), false },
        { "w", NULL,   0,                    false },
        { "e", fields, ARRAY_LENGTH(fields), true  },
};

static void check(bool holds)
{
        if (!holds)
                abort();
}

static void check_same(const json_t *value, const json_t *other)
{
        check(!value == !other && (!value || json_equal(value, other)));
}

static void check_section(const json_t *section, const json_t *kept)
{
        if (json_is_object(section))
                check_same(json_object_get(section, "a"), json_object_get(kept, "a"));
        else
                check_same(section, kept);
}

static void check_each(json_t *whole, const json_t *kept)
{
        const char *name;
        json_t *section;

        check(json_object_size(whole) == json_object_size(kept));
        json_object_foreach(whole, name, section)
                check_section(section, json_object_get(kept, name));
}

/* What an excerpt holds is what the whole holds at that place. */
static void check_excerpt(const json_t *whole, const char *text, size_t length)
{
        json_auto_t *excerpt = NULL;
        struct error err = { 0 };
        bool fine =
                json_excerpt_parse(text, length, sections, ARRAY_LENGTH(sections), &excerpt, &err);
        json_t *each = json_object_get(whole, "e");

        check(fine == json_is_object(whole));
        check_same(json_object_get(whole, "w"), json_object_get(excerpt, "w"));
        check_section(json_object_get(whole, "s"), json_object_get(excerpt, "s"));
        if (json_is_object(each))
                check_each(each, json_object_get(excerpt, "e"));
        else
                check_same(each, json_object_get(excerpt, "e"));
}

/* Whether the text in such pieces makes an excerpt, and which. */
static bool read_in_pieces(const char *text, size_t length, size_t piece, json_t **object)
{
        scoped(json_excerpt_clear) struct json_excerpt excerpt = { 0 };
        struct error err = { 0 };

        json_excerpt_init(&excerpt, sections, ARRAY_LENGTH(sections), 0);
        for (size_t at = 0; at < length; at += piece)
                if (!json_excerpt_take(&excerpt, text + at,
                                       piece < length - at ? piece : length - at, &err))
                        return false;
        return json_excerpt_finish_shared(&excerpt, object, &err);
}

/* A text means the same however it is cut; and an object is never refused for what is read. */
static void check_pieces(const char *text, size_t length)
{
        json_auto_t *whole = NULL, *parsed = NULL;
        struct error err = { 0 };
        bool fine = read_in_pieces(text, length, length, &whole);

        for (size_t piece = 1; piece < length && piece < 64; piece += 1 + length % 7) {
                json_auto_t *again = NULL;

                check(read_in_pieces(text, length, piece, &again) == fine);
                check_same(whole, again);
        }
        if (json_excerpt_parse(text, length, sections, ARRAY_LENGTH(sections), &parsed, &err))
                check(fine && json_equal(parsed, whole));
}

/* What is read and printed reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        scoped(buf_clear) struct buf buf = { 0 };
        json_auto_t *value = NULL, *again = NULL;
        struct error err = { 0 };

        check_pieces((const char *)bytes, size);
        if (!json_parse((const char *)bytes, size, &value, &err))
                return 0;
        check_excerpt(value, (const char *)bytes, size);
        json_print(value, &buf);
        bool fine = json_parse(buf.text, buf.length, &again, &err);
        assert(fine && json_equal(value, again));
        return 0;
}
