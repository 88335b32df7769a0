#include "lib/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/memory.h"

/* Go bounds the absolute value by that of the smallest int64_t. */
#define MOST (UINT64_C(1) << 63)

static const struct {
        const char *name;
        uint64_t nanoseconds;
} units[] = {
        { "ns",        1                                },
        { "us",        1000                             },
        { "\xc2\xb5s", 1000                             }, /* micro sign */
        { "\xce\xbcs", 1000                             }, /* Greek mu */
        { "ms",        1000000                          },
        { "s",         DURATION_SECOND                  },
        { "m",         UINT64_C(60) * DURATION_SECOND   },
        { "h",         UINT64_C(3600) * DURATION_SECOND },
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* The digits before the point. */
static bool read_whole(const char **at, uint64_t *whole)
{
        for (; is_digit(**at); (*at)++) {
                if (__builtin_mul_overflow(*whole, UINT64_C(10), whole) ||
                    __builtin_add_overflow(*whole, (uint64_t)(**at - '0'), whole) || *whole > MOST)
                        return false;
        }
        return true;
}

/* The digits after it, as Go takes them: those that no longer fit into 63 bits are dropped. */
static void read_fraction(const char **at, uint64_t *fraction, double *scale)
{
        bool full = false;

        for (; is_digit(**at); (*at)++) {
                full = full || *fraction > (MOST - 1) / 10;
                uint64_t next = full ? 0 : *fraction * 10 + (uint64_t)(**at - '0');
                full = full || next > MOST;
                if (full)
                        continue;
                *fraction = next;
                *scale *= 10;
        }
}

static bool read_unit(const char **at, uint64_t *nanoseconds, const char **problem)
{
        size_t length = strcspn(*at, "+-.0123456789");

        *problem = length ? "the units are ns us ms s m h" : "a unit is missing: ns us ms s m h";
        for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
                if (strlen(units[i].name) == length && !memcmp(*at, units[i].name, length)) {
                        *nanoseconds = units[i].nanoseconds;
                        *at += length;
                        return true;
                }
        return false;
}

/* One "1.5h", added to the sum. */
static bool read_part(const char **at, uint64_t *sum, const char **problem)
{
        uint64_t whole = 0, fraction = 0, unit = 0;
        double scale = 1;
        const char *start = *at;

        *problem = "too long";
        if (!read_whole(at, &whole))
                return false;
        size_t digits = (size_t)(*at - start);
        if (**at == '.') {
                const char *point = (*at)++;
                read_fraction(at, &fraction, &scale);
                digits += (size_t)(*at - point - 1);
        }
        *problem = "write it like 30m or 1h30m";
        if (!digits || !read_unit(at, &unit, problem))
                return false;

        *problem = "too long";
        uint64_t rest = (uint64_t)((double)fraction * ((double)unit / scale));
        return !__builtin_mul_overflow(whole, unit, &whole) &&
               !__builtin_add_overflow(whole, rest, &whole) && whole <= MOST &&
               !__builtin_add_overflow(*sum, whole, sum) && *sum <= MOST;
}

static bool read_duration(const char *text, int64_t *nanoseconds, const char **problem)
{
        const char *at = text;
        bool negative = *at == '-';
        uint64_t sum = 0;

        at += *at == '-' || *at == '+';
        *problem = "write it like 30m or 1h30m";
        if (!*at)
                return false;
        if (!strcmp(at, "0"))
                at++;
        while (*at)
                if (!read_part(&at, &sum, problem))
                        return false;

        *problem = "too long";
        if (!negative && sum == MOST)
                return false;
        *nanoseconds = (int64_t)(negative ? -sum : sum);
        return true;
}

bool duration_parse(const char *text, int64_t *nanoseconds, struct error *err)
{
        const char *problem = NULL;
        int64_t value = 0;

        if (!read_duration(text, &value, &problem))
                return error_set(err, ERROR_INVALID, "\"%.64s\" is no duration (%s)", text,
                                 problem);
        *nanoseconds = value;
        return true;
}

bool duration_parse_seconds(const char *text, int64_t *seconds, struct error *err)
{
        int64_t nanoseconds = 0;

        if (!duration_parse(text, &nanoseconds, err))
                return false;
        *seconds = nanoseconds / DURATION_SECOND - (nanoseconds % DURATION_SECOND < 0);
        return true;
}

const char *duration_format_seconds(int64_t seconds, char text[DURATION_TEXT_SIZE])
{
        const char *sign = seconds < 0 ? "-" : "";
        uint64_t left = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
        uint64_t hours = left / 3600;
        uint64_t minutes = left / 60 % 60;

        if (hours)
                snprintf(text, DURATION_TEXT_SIZE, "%s%" PRIu64 "h%" PRIu64 "m%" PRIu64 "s", sign,
                         hours, minutes, left % 60);
        else if (minutes)
                snprintf(text, DURATION_TEXT_SIZE, "%s%" PRIu64 "m%" PRIu64 "s", sign, minutes,
                         left % 60);
        else
                snprintf(text, DURATION_TEXT_SIZE, "%s%" PRIu64 "s", sign, left);
        return text;
}

const char *duration_format_short(int64_t seconds, char text[DURATION_TEXT_SIZE])
{
        static const struct {
                int64_t seconds;
                char unit;
        } steps[] = {
                { 86400, 'd' },
                { 3600,  'h' },
                { 60,    'm' },
                { 1,     's' },
        };
        size_t unit = 0;

        while (unit < 3 && seconds < steps[unit].seconds)
                unit++;
        int64_t whole = seconds / steps[unit].seconds;
        if (unit == 3)
                snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "s", whole);
        else
                snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "%c %" PRId64 "%c", whole,
                         steps[unit].unit, seconds % steps[unit].seconds / steps[unit + 1].seconds,
                         steps[unit + 1].unit);
        return text;
}
