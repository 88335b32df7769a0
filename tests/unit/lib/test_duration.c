#include "lib/duration.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

#define MINUTE (60 * DURATION_SECOND)
#define HOUR (60 * MINUTE)

TEST(reads_what_go_reads)
{
        static const struct {
                const char *text;
                int64_t nanoseconds;
        } cases[] = {
                { "0",                        0                          },
                { "-0",                       0                          },
                { "5s",                       5 * DURATION_SECOND        },
                { "+5s",                      5 * DURATION_SECOND        },
                { "-5s",                      -5 * DURATION_SECOND       },
                { "1478s",                    1478 * DURATION_SECOND     },
                { "5.s",                      5 * DURATION_SECOND        },
                { ".5s",                      DURATION_SECOND / 2        },
                { "-.5s",                     -DURATION_SECOND / 2       },
                { "1.004s",                   1004000000                 },
                { "10ns",                     10                         },
                { "11us",                     11000                      },
                { "12\xc2\xb5s",              12000                      },
                { "12\xce\xbcs",              12000                      },
                { "13ms",                     13000000                   },
                { "2h30m",                    2 * HOUR + 30 * MINUTE     },
                { "10.5s4m",                  4 * MINUTE + 10500000000   },
                { "-2m3.4s",                  -(2 * MINUTE + 3400000000) },
                { "0.3333333333333333333h",   20 * MINUTE                },
                { "9007199254740993ns",       INT64_C(9007199254740993)  },
                { "9223372036854775807ns",    INT64_MAX                  },
                { "-9223372036854775808ns",   INT64_MIN                  },
                { "0.100000000000000000000h", 6 * MINUTE                 },
                { "0.830103483285477580700h", INT64_C(2988372539827)     },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                int64_t nanoseconds = -1;
                assert_ok(duration_parse(cases[i].text, &nanoseconds, &err));
                assert_int_equal(nanoseconds, cases[i].nanoseconds);
        }
}

TEST(refuses_what_is_no_duration_and_says_why)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "",                       "write it like 30m" },
                { "-",                      "write it like 30m" },
                { "5.",                     "a unit is missing" },
                { "3",                      "a unit is missing" },
                { "10m5",                   "a unit is missing" },
                { "s",                      "write it like 30m" },
                { ".",                      "write it like 30m" },
                { ".s",                     "write it like 30m" },
                { "+.s",                    "write it like 30m" },
                { "--5s",                   "write it like 30m" },
                { " 5s",                    "write it like 30m" },
                { "5s ",                    "the units are"     },
                { "1d",                     "the units are"     },
                { "5S",                     "the units are"     },
                { "1h 30m",                 "the units are"     },
                { "99999999999999999999h",  "too long"          },
                { "9223372036854775808ns",  "too long"          },
                { "-9223372036854775809ns", "too long"          },
                { "9223372036854775.808us", "too long"          },
                { "3000000h",               "too long"          },
                { "2562047h48m",            "too long"          },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                int64_t nanoseconds = 4711;
                assert_fails(duration_parse(cases[i].text, &nanoseconds, &err), ERROR_INVALID,
                             cases[i].words);
                assert_int_equal(nanoseconds, 4711);
        }
}

TEST(rounds_down_to_whole_seconds)
{
        struct error err = { 0 };
        int64_t seconds = 0;

        assert_ok(duration_parse_seconds("1999ms", &seconds, &err));
        assert_int_equal(seconds, 1);
        assert_ok(duration_parse_seconds("-1500ms", &seconds, &err));
        assert_int_equal(seconds, -2);
        assert_fails(duration_parse_seconds("soon", &seconds, &err), ERROR_INVALID, "\"soon\"");
        assert_int_equal(seconds, -2);
}

TEST(writes_the_normal_form_of_go)
{
        static const struct {
                int64_t seconds;
                const char *text;
        } cases[] = {
                { 0,     "0s"      },
                { 59,    "59s"     },
                { 600,   "10m0s"   },
                { 3600,  "1h0m0s"  },
                { 90061, "25h1m1s" },
                { -90,   "-1m30s"  },
        };
        char text[DURATION_TEXT_SIZE];

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                assert_string_equal(duration_format_seconds(cases[i].seconds, text), cases[i].text);
        assert_string_equal(duration_format_seconds(INT64_MIN, text), "-2562047788015215h30m8s");
}

TEST(says_a_length_of_time_in_its_two_greatest_units)
{
        static const struct {
                int64_t seconds;
                const char *text;
        } cases[] = {
                { 0,      "0s"      },
                { 45,     "45s"     },
                { 60,     "1m 0s"   },
                { 3599,   "59m 59s" },
                { 14300,  "3h 58m"  },
                { 86399,  "23h 59m" },
                { 176400, "2d 1h"   },
                { -5,     "-5s"     },
        };
        char text[DURATION_TEXT_SIZE];

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_string_equal(duration_format_short(cases[i].seconds, text), cases[i].text);
}
