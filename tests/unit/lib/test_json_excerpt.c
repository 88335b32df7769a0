#include "lib/json_excerpt.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

struct record {
        char *id, *name;
};

static const struct json_field fields[] = {
        { "ID",   JSON_KIND_TEXT, offsetof(struct record, id),   true,  0 },
        { "Name", JSON_KIND_TEXT, offsetof(struct record, name), false, 0 },
};

static const struct json_section sections[] = {
        { "Node",  fields, ARRAY_LENGTH(fields), false },
        { "Caps",  NULL,   0,                    false },
        { "Nodes", fields, ARRAY_LENGTH(fields), true  },
};

static bool parse(const char *text, json_t **object, struct error *err)
{
        return json_excerpt_parse(text, strlen(text), sections, ARRAY_LENGTH(sections), object,
                                  err);
}

TEST(keeps_what_is_read_and_leaves_the_rest_out)
{
        static const struct {
                const char *text, *kept;
        } cases[] = {
                { "{}",                                                          "{}"                            },
                { " \t\r\n{ \"Other\" : 1 } \n",                                 "{}"                            },
                { "{\"Node\":{\"ID\":\"n\",\"Key\":\"k\",\"Name\":\"a\"}}",
                 "{\"Node\":{\"ID\":\"n\",\"Name\":\"a\"}}"                                                      },
                { "{\"A\":[1,{\"Node\":{}},\"]\"],\"Node\":{\"X\":{\"ID\":\"no\"},\"ID\":\"n\"},"
                  "\"B\":-1.5e3}",                              "{\"Node\":{\"ID\":\"n\"}}"     },
                { "{\"Caps\":{\"any\":[{\"ID\":1}]},\"Node\":{}}",
                 "{\"Caps\":{\"any\":[{\"ID\":1}]},\"Node\":{}}"                                                 },
                { "{\"Node\":null,\"Caps\":null}",                               "{\"Node\":null,\"Caps\":null}" },
                { "{\"Node\":\"{}\"}",                                           "{\"Node\":\"{}\"}"             },
                { "{\"x\":\"\\\"}\",\"y\":\"\\\\\",\"Node\":{\"ID\":\"\\\"\"}}",
                 "{\"Node\":{\"ID\":\"\\\"\"}}"                                                                  },
                { "{\"N\\u006fde\":{\"ID\":\"n\"}}",                             "{\"Node\":{\"ID\":\"n\"}}"     },
                { "{\"node\":1,\"Nodes2\":2,\"\":3}",                            "{}"                            },
                { "{\"Nodes\":{\"a\":{\"ID\":\"n\",\"X\":{\"ID\":1}},\"\":{\"Y\":[]},\"b\":[{\"X\":"
                  "1}],"
                  "\"c\":{\"Name\":\"m\",\"Nodes\":{}}}}",      "{\"Nodes\":{\"a\":{\"ID\":\"n\"},\"\":{},\"b\":[{\"X\":1}],\"c\":{\"Name\":"
                  "\"m\"}}}"          },
                { "{\"Nodes\":null}",                                            "{\"Nodes\":null}"              },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(buf_clear) struct buf kept = { 0 };
                json_auto_t *object = NULL;
                struct error err = { 0 };

                assert_ok(parse(cases[i].text, &object, &err));
                json_print(object, &kept);
                assert_string_equal(buf_text(&kept), cases[i].kept);
        }
}

TEST(leaves_a_text_out_that_is_too_long)
{
        for (int over = 0; over < 2; over++) {
                size_t length = JSON_EXCERPT_TEXT_MAX - 2 + (size_t)over;
                scoped_free char *text = xcalloc(1, length + 1);
                json_auto_t *object = NULL;
                struct error err = { 0 };

                memset(text, 'x', length);
                scoped_free char *whole =
                        xasprintf("{\"Node\":{\"ID\":\"n\",\"Name\":\"%s\"}}", text);
                assert_ok(parse(whole, &object, &err));
                assert_non_null(json_text_at(object, "Node.ID"));
                assert_int_equal(json_text_at(object, "Node.Name") == NULL, over);
        }
}

/* Also where the mistake is in what would be left out, as far as that is looked at. */
TEST(refuses_what_is_no_object)
{
        static const char *const cases[] = {
                "",
                "[]",
                "1",
                "{",
                "{\"Node\"",
                "{\"Node\":",
                "{\"Node\":{}",
                "{\"Node\":{}}x",
                "{\"Node\":{},}",
                "{,\"Node\":{}}",
                "{\"Node\" {}}",
                "{\"Node\":{}\"Caps\":1}",
                "{\"Node\":tru}",
                "{\"Node\":{\"ID\":\"\x01\"}}",
                "{\"Nodes\":{\"a\":{\"ID\"}}}",
                "{\"Nodes\":{\"a\" {}}}",
                "{\"Other\":}",
                "{\"Other\":[}}",
                "{\"Other\":{]}",
                "{\"Other\":\"x}",
                "{\"Other\":\"\x01\"}",
                "{\"Other\":\"\\",
                "{Other:1}",
                "{\"Node\":{},\"Node\":{}}",
                "{\"Node\":{},\"N\\u006fde\":{}}",
                "{\"Node\":{\"ID\":\"a\",\"ID\":\"b\"}}",
                "{\"Node\":{\"ID\":\"a\",\"\\u0049D\":\"b\"}}",
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_t *object = NULL;
                struct error err = { 0 };

                assert_false(parse(cases[i], &object, &err));
                assert_int_equal(err.kind, ERROR_INVALID);
                assert_null(object);
        }
}

TEST(descends_no_deeper_than_json_parse_does)
{
        scoped(buf_clear) struct buf text = { 0 };
        json_t *object = NULL;
        struct error err = { 0 };

        buf_add(&text, "{\"Other\":");
        for (int i = 0; i < 100000; i++)
                buf_add(&text, "[");
        assert_fails(parse(text.text, &object, &err), ERROR_INVALID, "nested deeper than");
}
