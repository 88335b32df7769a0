/* duration.h - lengths of time as Go and Kubernetes write them: "8h", "1h30m", "500ms". */
#pragma once

#include "lib/error.h"

#define DURATION_SECOND INT64_C(1000000000)
#define DURATION_TEXT_SIZE 40

/* Go's time.ParseDuration: units ns us µs ms s m h, fractions, sign, "0". */
bool duration_parse(const char *text, int64_t *nanoseconds, struct error *err) must_check;
/* Rounds down to whole seconds. */
bool duration_parse_seconds(const char *text, int64_t *seconds, struct error *err) must_check;
/* Go's normal form: 600 s is "10m0s", 0 is "0s". Returns text. */
const char *duration_format_seconds(int64_t seconds, char text[DURATION_TEXT_SIZE]);
/* For people, the two greatest units: "3h 58m", "12m 3s", "45s", "2d 0h". Returns text. */
const char *duration_format_short(int64_t seconds, char text[DURATION_TEXT_SIZE]);
