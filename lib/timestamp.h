/* timestamp.h - instants: Unix seconds inside, RFC 3339 and HTTP dates at the border. */
#pragma once

#include "lib/error.h"

#define TIMESTAMP_TEXT_SIZE 40

int64_t timestamp_now(void);    /* Unix seconds */
int64_t timestamp_now_us(void); /* Unix microseconds */

/* RFC 3339 with any offset; fractions of a second are dropped. Years 1970 to 9999. */
bool timestamp_parse(const char *text, int64_t *seconds, struct error *err) must_check;
/* "2026-11-22T09:12:13Z". Returns text. */
const char *timestamp_format(int64_t seconds, char text[TIMESTAMP_TEXT_SIZE]);
/* Kubernetes' MicroTime: exactly six digits, "2026-11-22T09:12:13.000042Z". Returns text. */
const char *timestamp_format_us(int64_t microseconds, char text[TIMESTAMP_TEXT_SIZE]);
/* The Date header: IMF-fixdate of RFC 9110, 5.6.7. */
bool timestamp_parse_http_date(const char *text, int64_t *seconds, struct error *err) must_check;
const char *timestamp_format_http_date(int64_t seconds, char text[TIMESTAMP_TEXT_SIZE]);
