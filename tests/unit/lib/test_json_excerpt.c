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

/* The same, given in pieces of so many bytes. */
static bool parse_in_pieces(const char *text, size_t piece, json_t **object, struct error *err)
{
        scoped(json_excerpt_clear) struct json_excerpt excerpt = { 0 };
        size_t length = strlen(text);

        json_excerpt_init(&excerpt, sections, ARRAY_LENGTH(sections), length + 2);
        for (size_t at = 0; at < length; at += piece)
                if (!json_excerpt_take(&excerpt, text + at,
                                       piece < length - at ? piece : length - at, err))
                        return false;
        return json_excerpt_finish_shared(&excerpt, object, err);
}

/* However it is cut. */
static void check_pieces(const char *text, size_t step, const json_t *expected)
{
        for (size_t piece = 1; piece <= strlen(text); piece += step) {
                json_auto_t *object = NULL;
                struct error err = { 0 };

                assert_ok(parse_in_pieces(text, piece, &object, &err));
                assert_true(json_equal(object, expected));
        }
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
                check_pieces(cases[i].text, 1, object);
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
                check_pieces(whole, 997, object);
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
                for (size_t piece = 1; piece <= strlen(cases[i]) + 1; piece++)
                        assert_fails(parse_in_pieces(cases[i], piece, &object, &err), ERROR_INVALID,
                                     "no JSON");
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
        assert_fails(parse_in_pieces(text.text, 7, &object, &err), ERROR_INVALID, "no JSON");
}

static bool take_text(struct json_excerpt *excerpt, const char *text, struct error *err)
{
        return json_excerpt_take(excerpt, text, strlen(text), err);
}

static void give_node(struct json_excerpt *excerpt, int number, const char *name)
{
        scoped_free char *start = xasprintf(",\"%d\":{\"ID\":\"n%d\",\"Name\":\"", number, number);
        struct error err = { 0 };

        assert_true(take_text(excerpt, start, &err) && take_text(excerpt, name, &err) &&
                    take_text(excerpt, "\",\"Key\":[]}", &err));
}

/* 200 MB of names that others chose. */
TEST(holds_no_more_of_a_text_than_it_keeps)
{
        enum { LENGTH = 1 << 20, NODES = 200 };
        scoped(json_excerpt_clear) struct json_excerpt excerpt = { 0 };
        scoped_free char *name = xcalloc(1, LENGTH + 1);
        json_auto_t *object = NULL;
        struct error err = { 0 };

        memset(name, '<', LENGTH);
        json_excerpt_init(&excerpt, sections, ARRAY_LENGTH(sections), 32768);
        assert_ok(take_text(&excerpt, "{\"Nodes\":{\"0\":{}", &err));
        for (int i = 1; i < NODES; i++)
                give_node(&excerpt, i, name);
        assert_ok(take_text(&excerpt, "}}", &err));
        assert_ok(json_excerpt_finish_shared(&excerpt, &object, &err));
        assert_int_equal(json_object_size(json_object_get(object, "Nodes")), NODES);
        assert_string_equal(json_text_at(object, "Nodes.199.ID"), "n199");
        assert_null(json_at(object, "Nodes.199.Name"));
}

TEST(says_when_more_would_be_kept_than_may_be)
{
        scoped(json_excerpt_clear) struct json_excerpt excerpt = { 0 };
        struct error err = { 0 };

        json_excerpt_init(&excerpt, sections, ARRAY_LENGTH(sections), 12);
        assert_ok(take_text(&excerpt, "{\"Other\":\"left out, and long\"", &err));
        assert_fails(take_text(&excerpt, ",\"Caps\":[1,2,3,4,5,6]}", &err), ERROR_INVALID,
                     "more than 12 bytes");
}
