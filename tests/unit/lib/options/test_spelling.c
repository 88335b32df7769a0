#include "lib/options/spelling.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(finds_the_nearest_word_or_none)
{
        static const struct {
                const char *typed, *meant;
        } rows[] = {
                { "lgoin",      "login"  },
                { "logot",      "logout" },
                { "statsu",     "status" },
                { "kubeconfig", ""       },
                { "",           ""       },
        };
        scoped(text_list_clear) struct text_list words = { 0 };

        text_list_split(&words, "login logout list status", " ");
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                const char *nearest = spelling_nearest(rows[i].typed, &words);

                assert_string_equal(nearest ? nearest : "", rows[i].meant);
        }
}
