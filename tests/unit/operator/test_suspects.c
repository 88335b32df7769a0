#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/buf.h"
#include "lib/memory.h"
#include "operator/suspects.h"

#define MANY 3000

static void suspect(struct suspects *suspects, const char *signin_uid, const char *uid)
{
        struct dependent dependent = {
                .kind = DEPENDENT_BINDING,
                .namespace_name = xstrdup("n"),
                .name = xstrdup("b"),
                .uid = xstrdup(uid),
                .resource_version = xstrdup("1"),
                .signin_uid = xstrdup(signin_uid),
                .role = xstrdup(""),
                .subject = xstrdup(""),
        };

        suspects_add(suspects, &dependent);
        assert_null(dependent.uid);
}

/* Those that nobody owns, in order. */
static void assert_left(const struct suspects *suspects, const char *wanted)
{
        scoped(buf_clear) struct buf text = { 0 };

        for (size_t i = 0; i < suspects->count; i++)
                if (suspects->items[i].kind != DEPENDENT_KINDS)
                        buf_printf(&text, "%s ", suspects->items[i].uid);
        assert_string_equal(buf_text(&text), wanted);
}

TEST(acquits_all_that_a_session_owns_and_nothing_else)
{
        static const struct {
                const char *signin_uid, *left;
        } cases[] = {
                { "a",  "b1 b2 c1 d1 "       },
                { "b",  "a1 a2 c1 d1 "       },
                { "c",  "a1 a2 b1 b2 d1 "    },
                { "d",  "a1 a2 b1 b2 c1 "    },
                { "",   "a1 a2 b1 b2 c1 d1 " },
                { "aa", "a1 a2 b1 b2 c1 d1 " },
                { "e",  "a1 a2 b1 b2 c1 d1 " },
        };
        static const char *const uids[] = { "b2", "a1", "d1", "c1", "b1", "a2" };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(suspects_clear) struct suspects suspects = { 0 };

                for (size_t j = 0; j < ARRAY_LENGTH(uids); j++)
                        suspect(&suspects, (const char[]){ uids[j][0], '\0' }, uids[j]);
                suspects_order(&suspects);
                suspects_acquit(&suspects, cases[i].signin_uid);
                assert_left(&suspects, cases[i].left);
        }
}

TEST(looks_for_an_owner_among_none)
{
        scoped(suspects_clear) struct suspects suspects = { 0 };

        suspects_order(&suspects);
        suspects_acquit(&suspects, "a");
        assert_int_equal(suspects.count, 0);
}

TEST(keeps_once_what_was_seen_more_than_once)
{
        scoped(suspects_clear) struct suspects suspects = { 0 };

        suspect(&suspects, "b", "b1");
        suspect(&suspects, "a", "a1");
        suspect(&suspects, "b", "b1");
        suspect(&suspects, "a", "a2");
        suspect(&suspects, "b", "b1");
        suspects_order(&suspects);
        assert_int_equal(suspects.count, 3);
        assert_left(&suspects, "a1 a2 b1 ");
}

TEST(finds_each_owner_among_many)
{
        scoped(suspects_clear) struct suspects suspects = { 0 };

        for (size_t i = 0; i < MANY; i++) {
                char uid[16];

                snprintf(uid, sizeof(uid), "%zu", (i * 7919) % MANY);
                suspect(&suspects, uid, uid);
        }
        suspects_order(&suspects);
        assert_int_equal(suspects.count, MANY);
        for (size_t i = 0; i < MANY; i++) {
                char uid[16];

                snprintf(uid, sizeof(uid), "%zu", i);
                if (i != 1234)
                        suspects_acquit(&suspects, uid);
        }
        assert_left(&suspects, "1234 ");
}
