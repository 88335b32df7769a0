/* option_rows.h - short words for the rows of a program's option table, whose record is its struct
 * config. For config.c files alone. */
#pragma once

#include "lib/options.h"

#define OPTION_YEAR_SECONDS (INT64_C(366) * 24 * 3600)

/* BARE: not in the file. ELSEWHERE: not for us. */
#define BARE(flag, letter, environment, kind, member, name, help) \
        { NULL, flag, letter, environment, kind, offsetof(struct config, member), \
          NULL, 0,    0,      NULL,        name, help }
#define ROW(key, flag, letter, kind, member, fallback, minimum, maximum, choices, name, help) \
        { key,      flag,    letter,  NULL,    kind, offsetof(struct config, member), \
          fallback, minimum, maximum, choices, name, help }
#define TEXT(key, flag, member, fallback, name, help) \
        ROW(key, flag, 0, OPTION_TEXT, member, fallback, 0, 0, NULL, name, help)
#define CHOICE(key, flag, member, fallback, choices, name, help) \
        ROW(key, flag, 0, OPTION_TEXT, member, fallback, 0, 0, choices, name, help)
#define LIST(key, flag, letter, member, fallback, name, help) \
        ROW(key, flag, letter, OPTION_TEXT_LIST, member, fallback, 0, 0, NULL, name, help)
#define NUMBER(key, flag, letter, member, fallback, maximum, name, help) \
        ROW(key, flag, letter, OPTION_INTEGER, member, fallback, 1, maximum, NULL, name, help)
#define PERIOD(key, flag, member, fallback, help) \
        ROW(key, flag, 0, OPTION_DURATION, member, fallback, 1, OPTION_YEAR_SECONDS, NULL, \
            "DURATION", help)
#define FLAG(key, flag, member, help) \
        ROW(key, flag, 0, OPTION_BOOL, member, NULL, 0, 0, NULL, NULL, help)
#define ELSEWHERE(key) { key, NULL, 0, "", OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL }
