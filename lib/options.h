/* options.h - one table says what can be configured: by flag, environment, file, or default. */
#pragma once

#include <jansson.h>

#include "lib/json.h"

enum option_kind {
        OPTION_TEXT,      /* char *, owned */
        OPTION_BOOL,      /* bool */
        OPTION_INTEGER,   /* int64_t, minimum to maximum */
        OPTION_DURATION,  /* int64_t seconds, minimum to maximum */
        OPTION_TEXT_LIST, /* struct text_list; flag and environment split at commas */
        OPTION_TEXT_MAP,  /* json_t * object of texts, owned; flag and environment k=v,k=v */
        OPTION_ELSEWHERE, /* a key (or a whole section) that another program reads: accepted */
};

/* Precedence: flag > environment > file > fallback. The environment's name is TKA_ and the key in
 * capitals, dots as underscores: "tailscale.capName" is TKA_TAILSCALE_CAPNAME. */
struct option_row {
        const char *key;         /* in the file; NULL: flag (and environment) only */
        const char *flag;        /* "cap-name" for --cap-name; NULL: no flag */
        char letter;             /* -n, or 0 */
        const char *environment; /* NULL: from the key; "": none */
        enum option_kind kind;
        size_t offset;
        const char *fallback;     /* as it would be typed; NULL: unset (NULL, 0, false, empty) */
        int64_t minimum, maximum; /* both 0: any */
        const char *choices;      /* "auto|userspace|tun", or NULL: any text */
        const char *placeholder;  /* NAME in --cap-name NAME */
        const char *help;
};

struct options {
        const struct option_row *rows;
        size_t count;
};

/* Fills record from the fallbacks, the file (json may be NULL), the environment and the arguments.
 * argv[0] is skipped; what is not a flag is added to *operands (borrowed texts, NULL: none
 * allowed).
 * "--" ends the flags. file names the file in errors. Every error names what was given, where, and
 * what is allowed; unknown keys and flags name the nearest one. The caller clears record also when
 * this fails. */
bool options_read(const struct options *options, const json_t *json, const char *file, int argc,
                  char **argv, struct text_list *operands, void *record,
                  struct error *err) must_check;
/* Finds the value of --config/-c (or TKA_CONFIG) before anything else is read; NULL when not given.
 */
const char *options_config_path(int argc, char **argv);
/* Reads path as YAML into *json; a missing file is an error unless optional (then an empty object).
 */
bool options_read_file(const char *path, bool optional, json_t **json,
                       struct error *err) must_check;
void options_clear(const struct options *options, void *record);
/* The environment variable of a row; the caller's. NULL: it has none. */
char *options_environment_name(const struct option_row *row);
/* The flag's part of --help. */
void options_print_help(const struct options *options, struct buf *buf);
/* The word of candidates (ended by NULL) nearest to word, or NULL when none is near. */
const char *options_nearest(const char *word, const char *const *candidates);
