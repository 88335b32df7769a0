#include "lib/json.h"

#include <stdlib.h>

#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/secret.h"
#include "tests/unit/test.h"

struct record {
        char *role;
        bool ready;
        int64_t count;
        struct text_list groups;
        struct secret token;
        json_t *labels;
};

static const struct json_field fields[] = {
        { "role",   JSON_KIND_TEXT,      offsetof(struct record, role),   true,  8 },
        { "ready",  JSON_KIND_BOOL,      offsetof(struct record, ready),  false, 0 },
        { "count",  JSON_KIND_INTEGER,   offsetof(struct record, count),  false, 0 },
        { "groups", JSON_KIND_TEXT_LIST, offsetof(struct record, groups), false, 2 },
        { "token",  JSON_KIND_SECRET,    offsetof(struct record, token),  false, 0 },
        { "labels", JSON_KIND_JSON,      offsetof(struct record, labels), false, 0 },
};

static void clear_record(struct record *record)
{
        json_fields_clear(fields, ARRAY_LENGTH(fields), record);
}

static bool parse(const char *text, json_t **value, struct error *err)
{
        return json_parse(text, strlen(text), value, err);
}

static bool read_record(const char *text, struct record *record, struct error *err)
{
        json_auto_t *object = NULL;

        return parse(text, &object, err) &&
               json_fields_read(object, fields, ARRAY_LENGTH(fields), record, err);
}

static char *write_record(const struct record *record)
{
        scoped(buf_clear) struct buf buf = { 0 };
        json_auto_t *object = json_fields_write(fields, ARRAY_LENGTH(fields), record);

        json_print(object, &buf);
        return buf_take(&buf);
}

TEST(reads_any_value_and_prints_it_in_the_same_order)
{
        static const char *const cases[] = {
                "null",     "true", "-3", "1.5",
                "\"text\"", "[]",   "{}", "{\"b\":[1,{\"a\":null}],\"a\":\"\xc3\xbc\"}",
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_auto_t *value = NULL;
                scoped(buf_clear) struct buf buf = { 0 };
                assert_ok(parse(cases[i], &value, &err));
                json_print(value, &buf);
                assert_string_equal(buf_text(&buf), cases[i]);
        }
}

TEST(refuses_what_is_no_json_and_says_where)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "",                     "nothing there"                     },
                { " ",                    "no JSON"                           },
                { "{\"a\":1}x",           "line 1, column 8"                  },
                { "{\"a\":\n}",           "line 2"                            },
                { "{\"a\":1,\"a\":2}",    "duplicate object key near '\"a\"'" },
                { "{\"a\":1,}",           "no JSON"                           },
                { "[1,2",                 "no JSON"                           },
                { "\"\\u0000\"",          "no JSON"                           },
                { "\"\xff\"",             "no JSON"                           },
                { "NaN",                  "no JSON"                           },
                { "99999999999999999999", "too big"                           },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_t *value = NULL;
                assert_fails(parse(cases[i].text, &value, &err), ERROR_INVALID, cases[i].words);
                assert_null(value);
        }
}

TEST(never_quotes_a_value_in_its_words)
{
        json_t *value = NULL;
        struct error err = { 0 };

        assert_fails(parse("{\"token\" \"secret\"}", &value, &err), ERROR_INVALID, "expected");
        assert_null(strstr(err.text, "secret"));
}

static bool parse_nested(size_t levels, json_t **value, struct error *err)
{
        char text[256];

        memset(text, '[', levels);
        memset(text + levels, ']', levels);
        return json_parse(text, 2 * levels, value, err);
}

TEST(takes_a_text_with_a_nul_for_none_where_many_may_write)
{
        static const char text[] = "{\"a\":{\"odd\":\"x\\u0000y\",\"good\":\"z\"}}";
        json_auto_t *object = NULL;
        json_t *untouched = NULL;
        struct error err = { 0 };

        assert_fails(json_parse_object(text, strlen(text), &untouched, &err), ERROR_INVALID,
                     "no JSON");
        assert_ok(json_parse_shared(text, strlen(text), &object, &err));
        assert_null(json_text_at(object, "a.odd"));
        assert_string_equal(json_text_at(object, "a.good"), "z");
}

TEST(refuses_a_nul_byte_wherever_it_stands)
{
        static const char text[] = "{\"37\":5} ";

        for (size_t i = 0; i < sizeof(text) - 1; i++) {
                char spoilt[sizeof(text) + 1] = "";
                json_auto_t *value = NULL;
                struct error err = { 0 };
                memcpy(spoilt, text, i);
                memcpy(spoilt + i + 1, text + i, sizeof(text) - 1 - i);
                assert_fails(json_parse(spoilt, sizeof(text), &value, &err), ERROR_INVALID, "NUL");
        }
}

TEST(counts_levels_before_it_descends)
{
        json_auto_t *value = NULL;
        json_t *untouched = NULL;
        struct error err = { 0 };

        assert_ok(parse_nested(JSON_DEPTH_MAX, &value, &err));
        assert_fails(parse_nested(JSON_DEPTH_MAX + 1, &untouched, &err), ERROR_INVALID,
                     "deeper than 64");
        assert_null(untouched);
}

TEST(counts_no_brackets_inside_texts)
{
        json_auto_t *value = NULL;
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        buf_add(&text, "[\"\\\"");
        for (int i = 0; i < 100; i++)
                buf_add(&text, "[{");
        buf_add(&text, "\"]");
        assert_ok(json_parse(text.text, text.length, &value, &err));
}

TEST(refuses_what_is_no_object_where_one_is_needed)
{
        json_auto_t *object = NULL;
        struct error err = { 0 };

        assert_fails(json_parse_object("[]", 2, &object, &err), ERROR_INVALID, "object");
        assert_null(object);
        assert_ok(json_parse_object("{}", 2, &object, &err));
}

TEST(walks_paths)
{
        json_auto_t *root = NULL;
        struct error err = { 0 };

        assert_ok(parse("{\"a\":{\"b\":{\"t\":\"x\",\"n\":7,\"y\":true}},\"l\":[]}", &root, &err));
        assert_string_equal(json_text_at(root, "a.b.t"), "x");
        assert_int_equal(json_integer_at(root, "a.b.n", -1), 7);
        assert_true(json_bool_at(root, "a.b.y", false));
        assert_ptr_equal(json_at(root, ""), root);
        assert_null(json_at(root, "a.c.t"));
        assert_null(json_at(root, "l.b"));
        assert_null(json_text_at(root, "a.b.n"));
        assert_int_equal(json_integer_at(root, "a.b.t", -1), -1);
        assert_true(json_bool_at(root, "a.b.n", true));
        assert_null(json_at(NULL, "a"));
}

TEST(fills_every_kind_of_field)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_record(
                "{\"role\":\"view\",\"ready\":true,\"count\":-2,\"groups\":[\"a\",\"b\"],"
                "\"token\":\"t\",\"labels\":{\"x\":1},\"unknown\":[]}",
                &record, &err));
        assert_string_equal(record.role, "view");
        assert_true(record.ready);
        assert_int_equal(record.count, -2);
        assert_int_equal(record.groups.count, 2);
        assert_true(text_list_has(&record.groups, "b"));
        assert_false(text_list_has(&record.groups, "c"));
        assert_string_equal(secret_text(&record.token), "t");
        assert_int_equal(json_integer_at(record.labels, "x", 0), 1);
}

TEST(writes_what_it_read)
{
        static const char text[] = "{\"role\":\"view\",\"ready\":true,\"count\":-2,"
                                   "\"groups\":[\"a\",\"b\"],\"token\":\"t\",\"labels\":{\"x\":1}}";
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_record(text, &record, &err));
        scoped_free char *written = write_record(&record);
        assert_string_equal(written, text);
}

TEST(writes_flags_and_numbers_always_and_leaves_out_what_is_empty)
{
        const struct record record = { 0 };
        scoped_free char *written = write_record(&record);

        assert_string_equal(written, "{\"ready\":false,\"count\":0}");
}

TEST(writes_a_text_that_is_no_utf8_as_near_as_it_can)
{
        char role[] = "a\xff";
        const struct record record = { .role = role };
        scoped_free char *written = write_record(&record);

        assert_string_equal(written, "{\"role\":\"a?\",\"ready\":false,\"count\":0}");
}

TEST(keeps_what_was_set_when_a_field_is_absent_or_null)
{
        scoped(clear_record) struct record record = { .ready = true, .count = 3 };
        struct error err = { 0 };

        text_list_add(&record.groups, "old");
        assert_ok(read_record("{\"role\":\"view\",\"ready\":null,\"groups\":null}", &record, &err));
        assert_true(record.ready);
        assert_int_equal(record.count, 3);
        assert_string_equal(record.groups.items[0], "old");
}

TEST(replaces_what_was_set_when_a_field_is_there)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_record("{\"role\":\"a\",\"groups\":[\"x\"],\"labels\":1}", &record, &err));
        assert_ok(read_record("{\"role\":\"b\",\"groups\":[],\"labels\":2}", &record, &err));
        assert_string_equal(record.role, "b");
        assert_int_equal(record.groups.count, 0);
        assert_int_equal(json_integer_value(record.labels), 2);
}

TEST(leaves_the_record_as_it_was_when_any_field_is_wrong)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "[]",                                                "object is expected"              },
                { "{}",                                                "\"role\" is missing"             },
                { "{\"role\":null}",                                   "\"role\" is missing"             },
                { "{\"role\":1}",                                      "\"role\" has the wrong type"     },
                { "{\"role\":\"123456789\"}",                          "\"role\" is longer than 8 bytes" },
                { "{\"role\":\"new\",\"ready\":1}",                    "\"ready\" has the wrong type"    },
                { "{\"role\":\"new\",\"count\":1.5}",                  "\"count\" has the wrong type"    },
                { "{\"role\":\"new\",\"groups\":\"a\"}",               "\"groups\" has the wrong type"   },
                { "{\"role\":\"new\",\"groups\":[\"a\",1]}",           "\"groups\" has the wrong type"   },
                { "{\"role\":\"new\",\"groups\":[\"a\",\"b\",\"c\"]}",
                 "\"groups\" has more than 2 items"                                                      },
                { "{\"role\":\"new\",\"token\":{}}",                   "\"token\" has the wrong type"    },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(clear_record) struct record record = { .role = xstrdup("old"), .count = 4 };
                assert_fails(read_record(cases[i].text, &record, &err), ERROR_INVALID,
                             cases[i].words);
                assert_string_equal(record.role, "old");
                assert_int_equal(record.count, 4);
                assert_int_equal(record.groups.count, 0);
        }
}

TEST(bounds_texts_without_a_limit_of_their_own)
{
        scoped(clear_record) struct record record = { 0 };
        scoped_free char *text = xmalloc(LIMIT_JSON_TEXT + 2);
        json_auto_t *object = json_object();
        struct error err = { 0 };

        memset(text, 'x', LIMIT_JSON_TEXT + 1);
        text[LIMIT_JSON_TEXT + 1] = '\0';
        json_object_set_new(object, "role", json_string("view"));
        json_object_set_new(object, "token", json_string(text));
        assert_fails(json_fields_read(object, fields, ARRAY_LENGTH(fields), &record, &err),
                     ERROR_INVALID, "\"token\" is longer than 65536 bytes");
        assert_null(record.role);
}

TEST(finds_an_object_by_its_name_among_whatever_else_there_is)
{
        json_auto_t *array = json_loads("[1, {}, {\"name\": 2}, {\"name\": \"b\", \"at\": 1}, "
                                        "{\"name\": \"b\"}]",
                                        0, NULL);

        assert_int_equal(json_integer_at(json_find_named(array, "b"), "at", 0), 1);
        assert_null(json_find_named(array, "c"));
        assert_null(json_find_named(NULL, "b"));
}

TEST(finds_a_key_in_another_case_where_there_is_none_in_this)
{
        json_auto_t *object = json_loads("{\"PORT\": 1, \"port\": 2, \"Host\": 3}", 0, NULL);

        assert_string_equal(json_find_member(object, "port"), "port");
        assert_string_equal(json_find_member(object, "host"), "Host");
        assert_null(json_find_member(object, "hos"));
        assert_null(json_find_member(NULL, "host"));
}

TEST(leaves_out_a_text_that_is_none)
{
        json_auto_t *object = json_object();

        json_set_text(object, "role", NULL);
        assert_int_equal(json_object_size(object), 0);
        json_set_text(object, "role", "view");
        assert_string_equal(json_text_at(object, "role"), "view");
}

TEST(clears_twice)
{
        struct record record = { .role = xstrdup("view"), .ready = true };

        clear_record(&record);
        clear_record(&record);
        assert_null(record.role);
        assert_false(record.ready);
}
