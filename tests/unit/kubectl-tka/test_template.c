#include "kubectl-tka/template.h"

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

static const char sessions[] = "[{\"cluster\":\"prod\",\"role\":\"view\",\"left\":\"3h "
                               "58m\"},{\"cluster\":\"d\\u001bev\"}]";

static bool print(const char *template, struct buf *text, struct error *err)
{
        json_auto_t *items = NULL;
        bool parsed = json_parse(sessions, strlen(sessions), &items, err);

        assert_true(parsed);
        return template_print(template, items, text, err);
}

TEST(fills_in_what_there_is_and_ends_each_with_a_newline)
{
        static const struct {
                const char *template, *text;
        } rows[] = {
                { "{cluster}:{role} {left}", "prod:view 3h 58m\nd?ev: \n"   },
                { "{cluster}\\n",            "prod\nd?ev\n"                 },
                { "a\\tb\\\\c\\x\\",         "a\tb\\c\\x\\\na\tb\\c\\x\\\n" },
                { "",                        ""                             },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(buf_clear) struct buf text = { 0 };
                struct error err = { 0 };
                assert_ok(print(rows[i].template, &text, &err));
                assert_string_equal(buf_text(&text), rows[i].text);
        }
}

TEST(refuses_what_it_cannot_fill_in_and_says_what_there_is)
{
        static const char *const rows[] = { "{token}", "{", "{cluster", "{}", "{cluster}{x}" };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(buf_clear) struct buf text = { 0 };
                struct error err = { 0 };
                assert_fails(print(rows[i], &text, &err), ERROR_INVALID, "cannot be filled in");
                assert_non_null(strstr(err.advice, "{cluster}"));
                assert_int_equal(text.length, 0);
        }
}
