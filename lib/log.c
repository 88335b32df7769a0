#include "lib/log.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

static const struct {
        const char *json, *text;
} level_names[] = {
        [LOG_LEVEL_DEBUG] = { "debug", "DEBUG" },
        [LOG_LEVEL_INFO] = { "info",  "INFO"  },
        [LOG_LEVEL_WARN] = { "warn",  "WARN"  },
        [LOG_LEVEL_ERROR] = { "error", "ERROR" },
};

static enum log_level least_level = LOG_LEVEL_INFO;
static bool as_text;

void log_init(enum log_level level, enum log_format format)
{
        least_level = level;
        as_text = format == LOG_FORMAT_TEXT || (format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO));
}

bool log_level_parse(const char *text, enum log_level *level, struct error *err)
{
        for (size_t i = 0; i < ARRAY_LENGTH(level_names); i++)
                if (!strcmp(text, level_names[i].json)) {
                        *level = (enum log_level)i;
                        return true;
                }
        return error_set(err, ERROR_INVALID, "\"%.64s\" is no log level (debug, info, warn, error)",
                         text);
}

static json_t *value_of(const char *text)
{
        if (!strcmp(text, "true") || !strcmp(text, "false"))
                return json_boolean(text[0] == 't');
        return json_text(text);
}

/* A text that would not stand out among the words is quoted. */
static void print_pair(const char *name, const json_t *value, struct buf *line)
{
        const char *text = json_string_value(value);

        buf_printf(line, " %s=", name);
        if (text && *text && !strpbrk(text, " \"\\=\t\r\n"))
                buf_add(line, text);
        else
                json_print(value, line);
}

/* 12:13:14 INFO signed in login=alice@example.com */
static void print_text(enum log_level level, const char *message, json_t *event, struct buf *line)
{
        const char *name = NULL;
        json_t *value = NULL;

        buf_printf(line, "%.8s %s %s", json_text_at(event, "ts") + strlen("2026-11-22T"),
                   level_names[level].text, message);
        json_object_del(event, "ts");
        json_object_del(event, "level");
        json_object_del(event, "msg");
        json_object_foreach(event, name, value) print_pair(name, value, line);
}

/* A JWT begins with "eyJ", the Base64 of {": whoever sends one in a path or a name has it not kept
 * here. */
static void hide_tokens(struct buf *line)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_.";
        static const char instead[] = "[token]";
        const size_t kept = sizeof(instead) - 1;

        for (char *at = line->text; (at = strstr(at, "eyJ")) != NULL; at += kept) {
                size_t length = strspn(at, letters);

                if (length < kept)
                        continue;
                memcpy(at, instead, kept);
                memmove(at + kept, at + length, strlen(at + length) + 1);
        }
        line->length = strlen(line->text);
}

static void write_event(enum log_level level, const char *message, bool audit, va_list pairs)
{
        char now[TIMESTAMP_TEXT_SIZE];
        scoped(buf_clear) struct buf line = { 0 };
        json_auto_t *event = json_object();

        json_object_set_new(event, "ts", json_string(timestamp_format_us(timestamp_now_us(), now)));
        json_object_set_new(event, "level", json_string(level_names[level].json));
        json_object_set_new(event, "msg", json_text(message));
        if (audit)
                json_object_set_new(event, "audit", json_true());
        for (const char *name = va_arg(pairs, const char *); name;
             name = va_arg(pairs, const char *)) {
                const char *text = va_arg(pairs, const char *);
                if (text)
                        json_object_set_new(event, name, value_of(text));
        }

        if (as_text)
                print_text(level, message, event, &line);
        else
                json_print(event, &line);
        /* What JSON leaves as it is (DEL, C1) a terminal may still obey. */
        error_clean_line(line.text);
        hide_tokens(&line);
        buf_add(&line, "\n");
        /* Whole, so that lines of several processes do not mix. There is nobody to tell when it
         * does not work. */
        fd_write(STDERR_FILENO, line.text, line.length);
}

void log_event(enum log_level level, const char *message, ...)
{
        va_list pairs;

        if (level < least_level)
                return;
        va_start(pairs, message);
        write_event(level, message, false, pairs);
        va_end(pairs);
}

void log_audit(enum log_level level, const char *message, ...)
{
        va_list pairs;

        va_start(pairs, message);
        write_event(level, message, true, pairs);
        va_end(pairs);
}
