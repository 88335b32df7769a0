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

/* What is read and printed reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        scoped(buf_clear) struct buf buf = { 0 };
        json_auto_t *value = NULL, *again = NULL;
        struct error err = { 0 };

        if (!json_parse((const char *)bytes, size, &value, &err))
                return 0;
        check_excerpt(value, (const char *)bytes, size);
        json_print(value, &buf);
        bool fine = json_parse(buf.text, buf.length, &again, &err);
        assert(fine && json_equal(value, again));
        return 0;
}
