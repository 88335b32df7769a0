#include "lib/timestamp.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(reads_every_form_of_rfc3339)
{
        static const struct {
                const char *text;
                int64_t seconds;
        } cases[] = {
                { "1970-01-01T00:00:00Z",           0                     },
                { "2026-11-22T09:12:13Z",           1795338733            },
                { "2026-11-22t09:12:13z",           1795338733            },
                { "2026-11-22T09:12:13.999999999Z", 1795338733            },
                { "2026-11-22T10:12:13+01:00",      1795338733            },
                { "2026-11-22T01:42:13.5-07:30",    1795338733            },
                { "2024-02-29T00:00:00Z",           1709164800            },
                { "2000-02-29T23:59:59Z",           951868799             },
                { "9999-12-31T23:59:59Z",           INT64_C(253402300799) },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                int64_t seconds = -1;
                assert_ok(timestamp_parse(cases[i].text, &seconds, &err));
                assert_int_equal(seconds, cases[i].seconds);
        }
}

TEST(refuses_what_is_no_instant)
{
        static const char *const cases[] = {
                "",
                "now",
                "2026-11-22",
                "2026-11-22T09:12:13",
                "2026-11-22 09:12:13Z",
                "2026-11-22T09:12:13.Z",
                "2026-11-22T09:12:13ZZ",
                "2026-11-22T09:12:13+1:00",
                "2026-11-22T09:12:13+24:00",
                "2026-11-22T09:12:13+01:60",
                "2026-11-22T09:12:13+01:00Z",
                "2026-02-29T00:00:00Z",
                "1900-02-29T00:00:00Z",
                "2026-13-01T00:00:00Z",
                "2026-00-01T00:00:00Z",
                "2026-01-32T00:00:00Z",
                "2026-01-00T00:00:00Z",
                "2026-01-01T24:00:00Z",
                "2026-01-01T00:60:00Z",
                "2026-01-01T00:00:60Z",
                "1969-12-31T23:59:59Z",
                "1970-01-01T00:00:00+00:01",
                "9999-12-31T23:59:59-00:01",
                "12026-01-01T00:00:00Z",
                "-026-01-01T00:00:00Z",
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                int64_t seconds = 4711;
                assert_fails(timestamp_parse(cases[i], &seconds, &err), ERROR_INVALID,
                             "is no time like");
                assert_int_equal(seconds, 4711);
        }
}

TEST(writes_what_it_reads_through_four_centuries)
{
        char text[TIMESTAMP_TEXT_SIZE], date[TIMESTAMP_TEXT_SIZE];
        struct error err = { 0 };
        int64_t read = 0;

        for (int64_t seconds = 0; seconds < INT64_C(13000000000); seconds += INT64_C(86399) * 7) {
                assert_ok(timestamp_parse(timestamp_format(seconds, text), &read, &err));
                assert_int_equal(read, seconds);
                assert_ok(timestamp_parse_http_date(timestamp_format_http_date(seconds, date),
                                                    &read, &err));
                assert_int_equal(read, seconds);
        }
}

TEST(writes_the_three_forms)
{
        char text[TIMESTAMP_TEXT_SIZE];

        assert_string_equal(timestamp_format(1795338733, text), "2026-11-22T09:12:13Z");
        assert_string_equal(timestamp_format_us(INT64_C(1795338733000042), text),
                            "2026-11-22T09:12:13.000042Z");
        assert_string_equal(timestamp_format_http_date(784111777, text),
                            "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(stays_within_four_digits_of_year)
{
        char text[TIMESTAMP_TEXT_SIZE];

        assert_string_equal(timestamp_format(INT64_MAX, text), "9999-12-31T23:59:59Z");
        assert_string_equal(timestamp_format(-1, text), "1970-01-01T00:00:00Z");
        assert_string_equal(timestamp_format_us(-1, text), "1970-01-01T00:00:00.000000Z");
}

TEST(refuses_what_is_no_http_date)
{
        static const char *const cases[] = {
                "",
                "Sun, 06 Nov 1994 08:49:37",
                "Mon, 06 Nov 1994 08:49:37 GMT", /* it was a Sunday */
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun Nov  6 08:49:37 1994",
                "Sun, 31 Feb 1994 08:49:37 GMT",
                "Sun, 06 nov 1994 08:49:37 GMT",
                "Sun, 06 Nov 1994 25:49:37 GMT",
                "Sun, 06 Nov 1994 08:49:37 UTC",
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                int64_t seconds = 4711;
                assert_fails(timestamp_parse_http_date(cases[i], &seconds, &err), ERROR_INVALID,
                             "is no date like");
                assert_int_equal(seconds, 4711);
        }
}

TEST(reads_the_clock_of_the_system)
{
        int64_t before = timestamp_now();

        assert_true(before > 1700000000);
        assert_true(timestamp_now_us() / 1000000 - before <= 1);
}
