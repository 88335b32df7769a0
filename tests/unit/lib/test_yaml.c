#include "lib/yaml.h"

#include <stdio.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

static bool parse(const char *text, json_t **value, struct error *err)
{
        return yaml_parse(text, strlen(text), value, err);
}

TEST(gives_the_same_values_as_json)
{
        static const struct {
                const char *yaml, *json;
        } cases[] = {
                { "",                             "{}"                                  },
                { "# nothing\n",                  "{}"                                  },
                { "---\n",                        "{}"                                  },
                { "a: 1\nb: [x, \"1\"]\n",        "{\"a\":1,\"b\":[\"x\",\"1\"]}"       },
                { "a:\n  b:\n  - c: d\n",         "{\"a\":{\"b\":[{\"c\":\"d\"}]}}"     },
                { "a: |\n  one\n  two\n",         "{\"a\":\"one\\ntwo\\n\"}"            },
                { "a: 'it''s'\nb: \"\\u00fc\"\n", "{\"a\":\"it's\",\"b\":\"\xc3\xbc\"}" },
                { "{\"a\": {\"b\": [1, null]}}",  "{\"a\":{\"b\":[1,null]}}"            },
                { "\"1\": x\n",                   "{\"1\":\"x\"}"                       },
                { "a: !!str 1\nb: ! 2\n",         "{\"a\":\"1\",\"b\":\"2\"}"           },
                { "a: !!map {}\nb: !!seq []\n",   "{\"a\":{},\"b\":[]}"                 },
                { "%YAML 1.2\n---\na: b\n...\n",  "{\"a\":\"b\"}"                       },
                { "\xef\xbb\xbf"
                  "a: b\n",      "{\"a\":\"b\"}"                       },
                { "- 1\n- 2\n",                   "[1,2]"                               },
                { "just text",                    "\"just text\""                       },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_auto_t *value = NULL;
                scoped(buf_clear) struct buf buf = { 0 };
                assert_ok(parse(cases[i].yaml, &value, &err));
                json_print(value, &buf);
                assert_string_equal(buf_text(&buf), cases[i].json);
        }
}

TEST(types_plain_scalars_as_the_core_schema_says)
{
        static const struct {
                const char *yaml, *json;
        } cases[] = {
                { "~",                   "null"                },
                { "Null",                "null"                },
                { "True",                "true"                },
                { "FALSE",               "false"               },
                { "yes",                 "\"yes\""             },
                { "on",                  "\"on\""              },
                { "No",                  "\"No\""              },
                { "y",                   "\"y\""               },
                { "nULL",                "\"nULL\""            },
                { "0",                   "0"                   },
                { "-17",                 "-17"                 },
                { "+3",                  "3"                   },
                { "007",                 "7"                   },
                { "0o17",                "15"                  },
                { "0xfF",                "255"                 },
                { "0b1",                 "\"0b1\""             },
                { "1_000",               "\"1_000\""           },
                { "1:30",                "\"1:30\""            },
                { "1.5",                 "1.5"                 },
                { ".5",                  "0.5"                 },
                { "2.",                  "2.0"                 },
                { "1e3",                 "1000.0"              },
                { "-2.5E-1",             "-0.25"               },
                { "1e",                  "\"1e\""              },
                { ".",                   "\".\""               },
                { "Infinity",            "\"Infinity\""        },
                { "1.2.3.4",             "\"1.2.3.4\""         },
                { "2026-11-22",          "\"2026-11-22\""      },
                { "8h",                  "\"8h\""              },
                { "0x",                  "\"0x\""              },
                { "9223372036854775807", "9223372036854775807" },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_auto_t *value = NULL;
                scoped(buf_clear) struct buf text = { 0 }, buf = { 0 };
                buf_printf(&text, "[%s]", cases[i].yaml);
                assert_ok(parse(text.text, &value, &err));
                json_print(json_array_get(value, 0), &buf);
                assert_string_equal(buf_text(&buf), cases[i].json);
        }
}

TEST(refuses_what_json_has_no_word_for_and_names_the_line)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "a: 1\nb: *x\n",            "line 2: aliases"                         },
                { "a: &x 1\n",                "line 1: anchors"                         },
                { "a: &x []\n",               "line 1: anchors"                         },
                { "a: &x {}\n",               "line 1: anchors"                         },
                { "a: 1\nb: 2\na: 3\n",       "line 3: the key \"a\" is there twice"    },
                { "a: {b: 1, b: 2}\n",        "line 1: the key \"b\" is there twice"    },
                { "1: a\n",                   "line 1: a key must be a text"            },
                { "true: a\n",                "line 1: a key must be a text"            },
                { "? [a]\n: b\n",             "line 1: a key must be a text"            },
                { "? {a: b}\n: b\n",          "line 1: a key must be a text"            },
                { "a: 1\n---\nb: 2\n",        "line 2: more than one document"          },
                { "a: .inf\n",                "\".inf\" is a number out of range"       },
                { "a: .NaN\n",                "\".NaN\" is a number out of range"       },
                { "a: 1e999\n",               "\"1e999\" is a number out of range"      },
                { "a: 9223372036854775808\n", "is a number out of range (quote a text)" },
                { "a: !!binary eA==\n",       "the tag \"tag:yaml.org,2002:binary\""    },
                { "a: !x {}\n",               "the tag \"!x\""                          },
                { "a: \"\\0\"\n",             "line 1: a text holds a NUL"              },
                { "a: b: c\n",                "line 1: mapping values"                  },
                { "a:\n\t- b\n",              "line 2"                                  },
                { "a: [1\n",                  "line 2"                                  },
                { "a: \xff\n",                "line 1"                                  },
                { "a: \"\\ud800\"\n",         "line 1"                                  },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_t *value = NULL;
                assert_fails(parse(cases[i].text, &value, &err), ERROR_INVALID, cases[i].words);
                assert_null(value);
        }
}

TEST(takes_as_many_levels_as_json_and_no_more)
{
        json_auto_t *value = NULL;
        json_t *untouched = NULL;
        char text[512];
        struct error err = { 0 };

        memset(text, '[', sizeof(text));
        memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
        assert_ok(yaml_parse(text, (size_t)2 * JSON_DEPTH_MAX, &value, &err));
        memset(text, '[', sizeof(text));
        assert_fails(yaml_parse(text, sizeof(text), &untouched, &err), ERROR_INVALID,
                     "deeper than 64 levels");
        assert_null(untouched);
}

TEST(prints_blocks_as_people_write_them)
{
        static const char text[] = "apiVersion: v1\n"
                                   "clusters:\n"
                                   "- cluster:\n"
                                   "    server: https://10.0.0.1:6443\n"
                                   "  name: home\n"
                                   "count: 3\n"
                                   "empty: {}\n"
                                   "lists:\n"
                                   "- - 1\n"
                                   "  - a: true\n"
                                   "    b: null\n"
                                   "- []\n"
                                   "ratio: 0.5\n";
        json_auto_t *value = NULL;
        scoped(buf_clear) struct buf buf = { 0 };
        struct error err = { 0 };

        assert_ok(parse(text, &value, &err));
        yaml_print(value, &buf);
        assert_string_equal(buf_text(&buf), text);
}

TEST(quotes_texts_that_read_as_something_else)
{
        static const char *const cases[] = {
                "",     "null", "~",    "True", "yes", "No",   "ON",         "y",    "1",
                "-1",   "0x1",  "1e3",  ".inf", "1_0", "1:30", "2026-11-22", "- a",  "? a",
                "a: b", "a:",   "a #b", "#a",   " a",  "a ",   "*a",         "&a",   "!a",
                "[a",   "{a",   "a\nb", "'a",   "\"a", "%a",   "@a",         "`a",   "|",
                ">",    "=",    "<<",   "---",  "...", "a\tb", "\\",         "\x7f", "\xc2\x85",
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_auto_t *text = json_string(cases[i]);
                json_auto_t *read = NULL;
                scoped(buf_clear) struct buf buf = { 0 };
                yaml_print(text, &buf);
                assert_int_equal(buf.text[0], '"');
                assert_ok(yaml_parse(buf.text, buf.length, &read, &err));
                assert_true(json_equal(text, read));
        }
}

/* Numbers in a fixed order, so that a failure comes again. */
static uint32_t draw(uint32_t *state, uint32_t below)
{
        *state = *state * 1664525U + 1013904223U;
        return (*state >> 8) % below;
}

static json_t *draw_text(uint32_t *state)
{
        static const char *const pieces[] = {
                "a",
                "Z",
                "0",
                "9",
                " ",
                "\n",
                "\t",
                "\r",
                ":",
                "#",
                "-",
                "?",
                "\"",
                "'",
                "\\",
                ",",
                "[",
                "{",
                "&",
                "*",
                "!",
                "|",
                ">",
                "%",
                "@",
                "=",
                "null",
                "true",
                "yes",
                ".5",
                "1e3",
                "\x01",
                "\x7f",
                "\xc2\x85",
                "\xc2\xa0",
                "\xe2\x80\xa8",
                "\xef\xbb\xbf",
                "\xef\xbf\xbf",
                "\xc3\xbc",
                "\xf0\x9f\x99\x82",
                "~",
                "0x1",
                ": ",
                " #",
                "- ",
        };
        scoped(buf_clear) struct buf buf = { 0 };
        uint32_t count = draw(state, 40) ? draw(state, 6) : 600;

        for (uint32_t i = 0; i < count; i++)
                buf_add(&buf, pieces[draw(state, ARRAY_LENGTH(pieces))]);
        return json_string(buf_text(&buf));
}

static json_t *draw_value(uint32_t *state, int depth);

static json_t *draw_container(uint32_t *state, bool object, int depth)
{
        json_t *container = object ? json_object() : json_array();

        for (uint32_t left = draw(state, 5); left; left--) {
                json_auto_t *key = draw_text(state);
                json_t *value = draw_value(state, depth + 1);
                if (object)
                        json_object_set_new(container, json_string_value(key), value);
                else
                        json_array_append_new(container, value);
        }
        return container;
}

static json_t *draw_value(uint32_t *state, int depth)
{
        switch (draw(state, depth > 5 ? 5 : 9)) {
        case 0:
                return json_null();
        case 1:
                return json_boolean(draw(state, 2));
        case 2:
                return json_integer((json_int_t)draw(state, 1U << 20) - (1 << 19));
        case 3:
                return json_real((double)draw(state, 1U << 20) / 7 - 50000);
        case 4:
                return draw_text(state);
        default:
                return draw_container(state, draw(state, 2), depth);
        }
}

TEST(reads_back_whatever_it_prints)
{
        struct error err = { 0 };
        uint32_t seed = 20261123;

        for (int round = 0; round < 3000; round++) {
                json_auto_t *value = draw_container(&seed, round % 2, 0);
                json_auto_t *read = NULL;
                scoped(buf_clear) struct buf buf = { 0 };
                yaml_print(value, &buf);
                if (!yaml_parse(buf.text, buf.length, &read, &err) || !json_equal(value, read))
                        fail_msg("%s:\n%s", err.text, buf.text);
        }
}

TEST(reads_back_keys_of_any_length_whatever_stands_for_their_characters)
{
        static const char *const texts[] = { "a", "\t", "\"", "\xc3\xa4" };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                scoped(buf_clear) struct buf key = { 0 };

                for (size_t count = 1; count < 1100; count++) {
                        scoped(buf_clear) struct buf buf = { 0 };
                        json_auto_t *value = json_object();
                        json_auto_t *read = NULL;

                        buf_add(&key, texts[i]);
                        json_object_set_new(value, key.text, json_true());
                        yaml_print(value, &buf);
                        if (!yaml_parse(buf.text, buf.length, &read, &err) ||
                            !json_equal(value, read))
                                fail_msg("%zu times '%s': %s", count, texts[i], err.text);
                }
        }
}

TEST(tells_where_each_key_stands)
{
        static const char text[] =
                "a: 1\nb:\n  c: 2\n  d: {e: 3,\n      f: 4}\n  g:\n    - h: 5\ni: 6\n";
        json_auto_t *value = NULL, *lines = NULL;
        json_auto_t *expected =
                json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "a", 1, "b", 2, "b.c", 3,
                          "b.d", 4, "b.d.e", 4, "b.d.f", 5, "b.g", 6, "i", 8);
        struct error err = { 0 };

        assert_ok(yaml_parse_with_lines(text, sizeof(text) - 1, &value, &lines, &err));
        assert_true(json_equal(lines, expected));
}
