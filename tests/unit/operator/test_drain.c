#include "tests/unit/test.h"

#include "lib/memory.h"
#include "operator/drain.h"

TEST(says_what_is_true_when_it_gives_up)
{
        static const struct {
                struct drain_sight sight;
                const char *words;
        } cases[] = {
                { { .known = true, .left = 3 },     "3 sessions have not ended"                    },
                { { .known = true, .right = true }, "somebody makes RoleBinding"                   },
                { { .known = true },                "no session was left at the last look"         },
                { { .left = 3 },                    "is left is not known: reading them: no route" },
                { { .left = 0 },                    "is left is not known: reading them: no route" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct error err = { 0 };

                error_set(&err, ERROR_UNAVAILABLE, "reading them: no route");
                drain_explain(&cases[i].sight, &err);
                assert_int_equal(err.kind, ERROR_UNAVAILABLE);
                assert_non_null(strstr(err.text, cases[i].words));
                assert_int_not_equal(err.text[0], '0');
        }
}
