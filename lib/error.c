#include "lib/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
        int http_status;
        int exit_code;
} kinds[] = {
        [ERROR_NONE] = { 200, 0 },
        [ERROR_INVALID] = { 400, 2 },
        [ERROR_UNAUTHENTICATED] = { 401, 5 },
        [ERROR_DENIED] = { 403, 4 },
        [ERROR_NOT_FOUND] = { 404, 1 },
        [ERROR_CONFLICT] = { 409, 1 },
        [ERROR_UNAVAILABLE] = { 503, 3 },
        [ERROR_INTERNAL] = { 500, 1 },
        [ERROR_PENDING] = { 202, 6 },
};

static const char *const exit_meanings[] = {
        "done",   "failed",        "wrong usage or settings", "unreachable, or not on the tailnet",
        "denied", "not signed in", "still being prepared",
};

/* Line ends beyond ASCII, and what turns the direction of the text around it. */
static bool is_mark(uint32_t value)
{
        return (value >= 0x2028 && value <= 0x202e) || (value >= 0x2066 && value <= 0x2069);
}

/* Bytes of the UTF-8 character at text; 0 when it is none, or a control character. */
static size_t measure_character(const unsigned char *text)
{
        static const struct {
                unsigned char mask, lead;
                uint32_t least;
        } forms[] = {
                { 0xe0, 0xc0, 0xa0    },
                { 0xf0, 0xe0, 0x800   },
                { 0xf8, 0xf0, 0x10000 }
        };

        if (text[0] < 0x80)
                return text[0] >= 0x20 && text[0] != 0x7f;
        for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
                if ((text[0] & forms[form].mask) != forms[form].lead)
                        continue;
                uint32_t value = text[0] & (unsigned char)~forms[form].mask;
                for (size_t i = 1; i <= form + 1; i++) {
                        if ((text[i] & 0xc0) != 0x80)
                                return 0;
                        value = value << 6 | (text[i] & 0x3fU);
                }
                bool surrogate = value >= 0xd800 && value < 0xe000;
                bool good = value >= forms[form].least && value <= 0x10ffff && !surrogate;
                return good && !is_mark(value) ? form + 2 : 0;
        }
        return 0;
}

char *error_clean_line(char *text)
{
        size_t length = 0;

        for (char *at = text; *at; at += length) {
                length = measure_character((const unsigned char *)at);
                if (length)
                        continue;
                *at = '?';
                length = 1;
        }
        return text;
}

/* Formats apart from err, so that arguments may point into it. */
printf_like(2, 0) static void print_text(struct error *err, const char *format, va_list args)
{
        char text[sizeof(err->text)];

        vsnprintf(text, sizeof(text), format, args);
        error_clean_line(text);
        memcpy(err->text, text, sizeof(text));
}

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        print_text(err, format, args);
        va_end(args);
        err->kind = kind;
        err->http_status = 0;
        err->retry_after_seconds = 0;
        err->advice[0] = '\0';
        return false;
}

bool error_set_status(struct error *err, enum error_kind kind, int http_status, const char *format,
                      ...)
{
        va_list args;

        va_start(args, format);
        print_text(err, format, args);
        va_end(args);
        err->kind = kind;
        err->http_status = http_status;
        err->retry_after_seconds = 0;
        err->advice[0] = '\0';
        return false;
}

bool error_wrap(struct error *err, const char *format, ...)
{
        char cause[sizeof(err->text)];
        va_list args;

        memcpy(cause, err->text, sizeof(cause));
        va_start(args, format);
        print_text(err, format, args);
        va_end(args);

        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof(err->text) - used, ": %s", cause);
        error_clean_line(err->text);
        return false;
}

bool error_advise(struct error *err, const char *format, ...)
{
        char advice[sizeof(err->advice)];
        va_list args;

        va_start(args, format);
        vsnprintf(advice, sizeof(advice), format, args);
        va_end(args);
        error_clean_line(advice);
        memcpy(err->advice, advice, sizeof(advice));
        return false;
}

int error_http_status(const struct error *err)
{
        return err->http_status ? err->http_status : kinds[err->kind].http_status;
}

int error_exit_code(enum error_kind kind)
{
        return kinds[kind].exit_code;
}

const char *error_exit_meaning(int code)
{
        bool known = code >= 0 && (size_t)code < sizeof(exit_meanings) / sizeof(exit_meanings[0]);

        return known ? exit_meanings[code] : NULL;
}

enum error_kind error_from_http(int status)
{
        if (status == kinds[ERROR_PENDING].http_status)
                return ERROR_PENDING;
        if (status >= 200 && status < 300)
                return ERROR_NONE;
        for (enum error_kind kind = ERROR_INVALID; kind <= ERROR_INTERNAL; kind++)
                if (kinds[kind].http_status == status)
                        return kind;
        return status >= 500 || status == 429 || status == 408 ? ERROR_UNAVAILABLE : ERROR_INVALID;
}
