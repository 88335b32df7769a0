/* error.h - the one way to fail, and the words every file uses: bool, scoped, take, must_check. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define scoped(clear) __attribute__((__cleanup__(clear)))
#define take(pointer) \
        __extension__({ \
                __typeof__(pointer) taken_ = (pointer); \
                (pointer) = NULL; \
                taken_; \
        })
#define must_check __attribute__((__warn_unused_result__))
#define printf_like(format, first) __attribute__((__format__(__printf__, format, first)))

enum error_kind {
        ERROR_NONE,
        ERROR_INVALID,
        ERROR_UNAUTHENTICATED,
        ERROR_DENIED,
        ERROR_NOT_FOUND,
        ERROR_CONFLICT,
        ERROR_UNAVAILABLE,
        ERROR_INTERNAL,
        ERROR_PENDING,
};

/* Lives on the caller's stack and owns nothing. A function that returns bool sets it exactly when
 * it returns false. The text is one line: lower case, no full stop; an outer error_wrap puts
 * "where: " in front. */
struct error {
        enum error_kind kind;
        int http_status;         /* 0: what the kind says, see error_http_status() */
        int retry_after_seconds; /* what a server that is busy says to wait; 0: it does not say */
        int exit_status;         /* of a program that ran in our place; 0: what the kind says */
        char text[512];
        char advice[256]; /* what to do about it, or "" */
};

/* Both return false, so that a caller can write: return error_set(err, ...). */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) printf_like(3, 4);
bool error_wrap(struct error *err, const char *format, ...) printf_like(2, 3);

/* The place that decides names the HTTP status where the kind alone does not (422, 429, 413...). */
bool error_set_status(struct error *err, enum error_kind kind, int http_status, const char *format,
                      ...) printf_like(4, 5);
/* Adds what the person can do about it; returns false as well. */
bool error_advise(struct error *err, const char *format, ...) printf_like(2, 3);

int error_http_status(const struct error *err);
int error_exit_code(enum error_kind kind);
/* What an exit code says, for people; NULL beyond the last. */
const char *error_exit_meaning(int code);
/* The kind that an HTTP status means to a client; ERROR_NONE for 2xx but 202, which is PENDING. */
enum error_kind error_from_http(int status);
/* In place: control characters and bytes that are no UTF-8 become '?'. Returns text. The functions
 * above do it to what they are given. */
char *error_clean_line(char *text);
