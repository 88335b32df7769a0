#include "lib/options/wrap.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(breaks_between_words_and_indents_what_follows)
{
        static const struct {
                const char *text, *lines;
                size_t indent, width;
        } cases[] = {
                { "one two three", "one two\nthree",   0, 8  },
                { "one two three", "one two\n  three", 2, 10 },
                { "one two",       "one two",          0, 7  },
                { "one two",       "one\ntwo",         0, 6  },
                { "enormous a",    "enormous\n a",     1, 4  },
                { "a  b \n c",     "a b\n  c",         2, 20 },
                { "a\n\nb",        "a\n\n  b",         2, 20 },
                { "",              "",                 3, 20 },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(buf_clear) struct buf buf = { 0 };
                wrap_print(cases[i].text, cases[i].indent, cases[i].width, &buf);
                assert_string_equal(buf_text(&buf), cases[i].lines);
        }
}
