#include "kubectl-tka/output.h"

#include "lib/json.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "tests/unit/test.h"

static const struct output_column columns[] = {
        { "Name",   "name",    OUTPUT_TEXT   },
        { "Until",  "until",   OUTPUT_TIME   },
        { "Up",     "up",      OUTPUT_FLAG   },
        { "Tags",   "tags",    OUTPUT_LIST   },
        { "Labels", "labels",  OUTPUT_LABELS },
        { "Deep",   "deep.er", OUTPUT_TEXT   },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "name" };

static const char whole[] = "{\"name\":\"prod\",\"until\":\"2026-11-25T12:00:00Z\",\"up\":true,"
                            "\"tags\":[\"a\",\"b\"],\"labels\":{\"k\":\"v\",\"l\":\"w\"},"
                            "\"deep\":{\"er\":7}}";
/* ESC, DEL and CSI, as a server could send them */
static const char hostile[] = "{\"name\":\"a\\u001b[31m\x7f\xc2\x9b\"}";

static json_t *parse(const char *text)
{
        struct error err = { 0 };
        json_t *value = NULL;

        assert_ok(json_parse(text, strlen(text), &value, &err));
        return value;
}

TEST(shows_each_kind_of_value_to_people)
{
        json_auto_t *item = parse(whole);
        scoped(buf_clear) struct buf text = { 0 };

        output_print_facts(&view, item, 0, &text);
        assert_string_equal(text.text,
                            "Name:    prod\nUntil:   2026-11-25T12:00:00Z\nUp:      yes\n"
                            "Tags:    a,b\nLabels:  k=v,l=w\nDeep:    7\n");
}

TEST(says_times_relative_to_now)
{
        static const struct {
                int64_t before_seconds;
                const char *text;
        } rows[] = {
                { 14280, "in 3h 58m" },
                { 0,     "in 0s"     },
                { -5,    "5s ago"    },
        };
        json_auto_t *item = parse(whole);
        struct error err = { 0 };
        int64_t at = 0;

        assert_ok(timestamp_parse("2026-11-25T12:00:00Z", &at, &err));
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(buf_clear) struct buf text = { 0 };
                output_print_cell(&columns[1], item, at - rows[i].before_seconds, &text);
                assert_string_equal(text.text, rows[i].text);
        }
}

TEST(leaves_out_facts_that_there_are_not_and_marks_empty_cells)
{
        json_auto_t *item = parse("{\"name\":\"x\",\"tags\":[],\"labels\":{},\"until\":null}");
        scoped(buf_clear) struct buf facts = { 0 };
        scoped(buf_clear) struct buf cell = { 0 };

        output_print_facts(&view, item, 0, &facts);
        assert_string_equal(facts.text, "Name:    x\n");
        output_print_cell(&columns[3], item, 0, &cell);
        assert_string_equal(cell.text, "-");
}

TEST(lets_no_control_character_through_in_any_form)
{
        static const enum output_format formats[] = { OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME };
        json_auto_t *item = parse(hostile);
        scoped(buf_clear) struct buf text = { 0 };

        output_print_cell(&columns[0], item, 0, &text);
        for (size_t i = 0; i < ARRAY_LENGTH(formats); i++)
                output_print(formats[i], &view, item, &text);
        assert_null(strchr(text.text, 0x1b));
        assert_null(strchr(text.text, 0x7f));
        assert_null(strstr(text.text, "\xc2\x9b"));
}

TEST(prints_json_that_says_the_same_again)
{
        json_auto_t *item = parse(hostile);
        scoped(buf_clear) struct buf text = { 0 };

        output_print(OUTPUT_JSON, &view, item, &text);
        json_auto_t *again = parse(text.text);
        assert_true(json_equal(item, again));
}

TEST(prints_one_name_a_line)
{
        json_auto_t *items = parse("[{\"name\":\"a\"},{\"other\":1},{\"name\":\"b\"}]");
        scoped(buf_clear) struct buf text = { 0 };

        output_print(OUTPUT_NAME, &view, items, &text);
        assert_string_equal(text.text, "a\nb\n");
}

TEST(knows_the_formats_by_name)
{
        assert_int_equal(output_format_parse("yaml", OUTPUT_TABLE), OUTPUT_YAML);
        assert_int_equal(output_format_parse(NULL, OUTPUT_YAML), OUTPUT_YAML);
}
