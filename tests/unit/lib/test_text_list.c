#include "lib/memory.h"
#include "lib/text_list.h"
#include "tests/unit/test.h"

static void assert_reads(const struct text_list *list, const char *text)
{
        scoped(buf_clear) struct buf printed = { 0 };

        text_list_print(list, &printed);
        assert_string_equal(buf_text(&printed), text);
}

TEST(splits_a_text_and_leaves_out_what_is_empty)
{
        static const struct {
                const char *text, *separators, *parts;
        } rows[] = {
                { "",          ":",  ""        },
                { "::",        ":",  ""        },
                { "a",         ":",  "a"       },
                { ":a::b c:d", ":",  "a,b c,d" },
                { "a b:c",     ": ", "a,b,c"   },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(text_list_clear) struct text_list list = { 0 };

                text_list_split(&list, rows[i].text, rows[i].separators);
                assert_reads(&list, rows[i].parts);
        }
}

TEST(sorts_by_bytes_and_keeps_what_stands_twice)
{
        scoped(text_list_clear) struct text_list list = { 0 };

        text_list_sort(&list);
        text_list_split(&list, "b a B b", " ");
        text_list_sort(&list);

        assert_reads(&list, "B,a,b,b");
}

TEST(adds_copies_of_another_list)
{
        scoped(text_list_clear) struct text_list list = { 0 };
        scoped(text_list_clear) struct text_list others = { 0 };

        text_list_add(&list, "a");
        text_list_split(&others, "b c", " ");
        text_list_add_all(&list, &others);
        text_list_clear(&others);

        assert_reads(&list, "a,b,c");
        assert_true(text_list_has(&list, "b"));
        assert_false(text_list_has(&list, "d"));
}
