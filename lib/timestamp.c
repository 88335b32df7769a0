#include "lib/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/memory.h"

#define DAY 86400
#define LAST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

struct date {
        int64_t year, month, day; /* 1 to 12, 1 to 31 */
};

static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

int64_t timestamp_now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t timestamp_now(void)
{
        return timestamp_now_us() / 1000000;
}

static bool is_leap_year(int64_t year)
{
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_in_month(int64_t year, int64_t month)
{
        static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return lengths[month - 1] + (month == 2 && is_leap_year(year));
}

/* Days from 1970-01-01 to the first of January. */
static int64_t days_before_year(int64_t year)
{
        int64_t past = year - 1;

        return past * 365 + past / 4 - past / 100 + past / 400 - 719162;
}

static int64_t days_before(struct date date)
{
        int64_t days = days_before_year(date.year) + date.day - 1;

        for (int64_t month = 1; month < date.month; month++)
                days += days_in_month(date.year, month);
        return days;
}

static struct date date_of(int64_t days)
{
        struct date date = { .year = 1970 + days / 366, .month = 1 };

        while (days_before_year(date.year + 1) <= days)
                date.year++;
        days -= days_before_year(date.year);
        for (; days >= days_in_month(date.year, date.month); date.month++)
                days -= days_in_month(date.year, date.month);
        date.day = days + 1;
        return date;
}

static bool is_date(struct date date)
{
        return date.year >= 1970 && date.month >= 1 && date.month <= 12 && date.day >= 1 &&
               date.day <= days_in_month(date.year, date.month);
}

/* Each '0' of the shape stands for a digit, read into numbers[] group by group; anything else for
 * itself. */
static bool read_shape(const char *text, const char *shape, int64_t *numbers)
{
        for (size_t i = 0; shape[i]; i++) {
                if (shape[i] != '0' && text[i] != shape[i])
                        return false;
                if (shape[i] != '0')
                        continue;
                if (text[i] < '0' || text[i] > '9')
                        return false;
                if (i && shape[i - 1] != '0')
                        numbers++;
                *numbers = *numbers * 10 + (text[i] - '0');
        }
        return true;
}

static const char *skip_fraction(const char *text)
{
        if (*text != '.')
                return text;
        size_t digits = strspn(text + 1, "0123456789");
        return digits ? text + 1 + digits : text;
}

/* "Z", "+01:00" or "-07:30", and nothing after it. */
static bool read_offset(const char *text, int64_t *offset_seconds)
{
        int64_t numbers[2] = { 0 };

        if (!strcmp(text, "Z") || !strcmp(text, "z"))
                return true;
        if (*text != '+' && *text != '-')
                return false;
        if (!read_shape(text + 1, "00:00", numbers) || text[6] || numbers[0] > 23 ||
            numbers[1] > 59)
                return false;
        *offset_seconds = (numbers[0] * 60 + numbers[1]) * (*text == '-' ? -60 : 60);
        return true;
}

static bool read_instant(const char *text, int64_t *seconds)
{
        int64_t part[6] = { 0 }, offset = 0;

        if (!read_shape(text, "0000-00-00", part) || (text[10] != 'T' && text[10] != 't') ||
            !read_shape(text + 11, "00:00:00", part + 3))
                return false;
        struct date date = { part[0], part[1], part[2] };
        if (!is_date(date) || part[3] > 23 || part[4] > 59 || part[5] > 59 ||
            !read_offset(skip_fraction(text + 19), &offset))
                return false;
        *seconds = days_before(date) * DAY + part[3] * 3600 + part[4] * 60 + part[5] - offset;
        return *seconds >= 0 && *seconds <= LAST;
}

bool timestamp_parse(const char *text, int64_t *seconds, struct error *err)
{
        int64_t instant = 0;

        if (!read_instant(text, &instant))
                return error_set(err, ERROR_INVALID,
                                 "\"%.64s\" is no time like 2026-11-22T09:12:13Z", text);
        *seconds = instant;
        return true;
}

/* What has four digits of year. */
static int64_t clamp(int64_t seconds)
{
        if (seconds < 0)
                return 0;
        return seconds > LAST ? LAST : seconds;
}

static void print(char text[TIMESTAMP_TEXT_SIZE], int64_t seconds, int64_t microseconds)
{
        struct date date = date_of(seconds / DAY);
        int second = (int)(seconds % DAY);
        char fraction[16] = "";

        if (microseconds >= 0)
                snprintf(fraction, sizeof(fraction), ".%06d", (int)microseconds);
        snprintf(text, TIMESTAMP_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", (int)date.year,
                 (int)date.month, (int)date.day, second / 3600, second / 60 % 60, second % 60,
                 fraction);
}

const char *timestamp_format(int64_t seconds, char text[TIMESTAMP_TEXT_SIZE])
{
        print(text, clamp(seconds), -1);
        return text;
}

const char *timestamp_format_us(int64_t microseconds, char text[TIMESTAMP_TEXT_SIZE])
{
        int64_t known = microseconds < 0 ? 0 : microseconds;

        print(text, clamp(known / 1000000), known % 1000000);
        return text;
}

static int64_t month_number(const char *name)
{
        for (size_t i = 0; i < ARRAY_LENGTH(month_names); i++)
                if (!strncmp(name, month_names[i], 3))
                        return (int64_t)i + 1;
        return 0;
}

/* Reads the numbers where they stand; what is written back must be what was read. */
static bool read_http_date(const char *text, int64_t *seconds)
{
        char again[TIMESTAMP_TEXT_SIZE];
        int64_t day = 0, part[4] = { 0 };

        if (strlen(text) != strlen("Sun, 06 Nov 1994 08:49:37 GMT") ||
            !read_shape(text + 5, "00 ", &day) || !read_shape(text + 12, "0000 00:00:00 GMT", part))
                return false;
        struct date date = { part[0], month_number(text + 8), day };
        if (!is_date(date))
                return false;
        *seconds = days_before(date) * DAY + part[1] * 3600 + part[2] * 60 + part[3];
        return !strcmp(timestamp_format_http_date(*seconds, again), text);
}

bool timestamp_parse_http_date(const char *text, int64_t *seconds, struct error *err)
{
        int64_t instant = 0;

        if (!read_http_date(text, &instant))
                return error_set(err, ERROR_INVALID,
                                 "\"%.64s\" is no date like Sun, 06 Nov 1994 08:49:37 GMT", text);
        *seconds = instant;
        return true;
}

const char *timestamp_format_http_date(int64_t seconds, char text[TIMESTAMP_TEXT_SIZE])
{
        int64_t known = clamp(seconds);
        struct date date = date_of(known / DAY);
        int second = (int)(known % DAY);

        snprintf(text, TIMESTAMP_TEXT_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                 day_names[(known / DAY + 4) % 7], (int)date.day, month_names[date.month - 1],
                 (int)date.year, second / 3600, second / 60 % 60, second % 60);
        return text;
}
