#include "lib/error.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(puts_where_in_front_of_what)
{
        struct error err = { 0 };

        assert_false(error_set(&err, ERROR_INVALID, "\"%s\" is missing", "role"));
        assert_false(error_wrap(&err, "signing in at %s", "https://tka"));
        assert_string_equal(err.text, "signing in at https://tka: \"role\" is missing");
        assert_int_equal(err.kind, ERROR_INVALID);
}

TEST(keeps_status_and_advice_when_wrapped)
{
        struct error err = { 0 };

        assert_false(error_set_status(&err, ERROR_UNAVAILABLE, 429, "too many requests"));
        assert_false(error_advise(&err, "wait %d s", 2));
        assert_false(error_wrap(&err, "asking"));
        assert_int_equal(error_http_status(&err), 429);
        assert_string_equal(err.advice, "wait 2 s");
        assert_string_equal(err.text, "asking: too many requests");
}

TEST(forgets_status_and_advice_when_set_anew)
{
        struct error err = { .http_status = 429, .advice = "wait" };

        assert_false(error_set(&err, ERROR_DENIED, "no rule"));
        assert_int_equal(error_http_status(&err), 403);
        assert_string_equal(err.advice, "");
}

TEST(can_quote_its_own_text)
{
        struct error err = { 0 };

        error_set(&err, ERROR_INVALID, "inner");
        error_set(&err, ERROR_INTERNAL, "outer (%s)", err.text);
        assert_string_equal(err.text, "outer (inner)");
}

TEST(cuts_a_text_that_is_too_long)
{
        struct error err = { 0 };
        char text[2000];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        error_set(&err, ERROR_INVALID, "%s", text);
        assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
        error_wrap(&err, "%s", text);
        assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

TEST(stays_one_line_of_utf8_whatever_it_quotes)
{
        static const struct {
                const char *given, *kept;
        } cases[] = {
                { "a\nb\x1b[31m\x7f",              "a?b?[31m?"                     },
                { "gr\xc3\xbc\xc3\x9f",            "gr\xc3\xbc\xc3\x9f"            },
                { "\xe2\x82\xac \xf0\x9f\x99\x82", "\xe2\x82\xac \xf0\x9f\x99\x82" },
                { "cut \xe2\x82",                  "cut ??"                        },
                { "\xff\xc0\x80",                  "???"                           },
                { "\xed\xa0\x80",                  "???"                           }, /* surrogate */
                { "\xc2\x9b"
                  "31m",          "??31m"                         }, /* C1 */
                { "\xf4\x90\x80\x80",              "????"                          },
                { "\xe0\x80\x80",                  "???"                           },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                error_set(&err, ERROR_INVALID, "%s", cases[i].given);
                assert_string_equal(err.text, cases[i].kept);
        }
}

TEST(survives_the_way_over_http)
{
        for (enum error_kind kind = ERROR_INVALID; kind <= ERROR_PENDING; kind++) {
                const struct error err = { .kind = kind };
                assert_int_equal(error_from_http(error_http_status(&err)), kind);
        }
}

TEST(reads_other_statuses_by_their_class)
{
        static const struct {
                int status;
                enum error_kind kind;
        } cases[] = {
                { 200, ERROR_NONE        },
                { 202, ERROR_PENDING     },
                { 204, ERROR_NONE        },
                { 302, ERROR_INVALID     },
                { 408, ERROR_UNAVAILABLE },
                { 422, ERROR_INVALID     },
                { 429, ERROR_UNAVAILABLE },
                { 502, ERROR_UNAVAILABLE },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                assert_int_equal(error_from_http(cases[i].status), cases[i].kind);
}

TEST(gives_every_kind_its_exit_code)
{
        static const int codes[] = { 0, 2, 5, 4, 1, 1, 3, 1, 6 };

        for (size_t i = 0; i < ARRAY_LENGTH(codes); i++)
                assert_int_equal(error_exit_code((enum error_kind)i), codes[i]);
}
