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
        /* What the kind cannot say of a text, or of one of a list; NULL: nothing. */
        bool (*check)(const char *text, struct error *err);
};

struct options {
        const struct option_row *rows;
        size_t count;
        const char *flags; /* those that are taken, "role use"; NULL: every row's */
};

struct option_sources {
        const json_t *json; /* the file's content, or NULL */
        const char *file;   /* its name, for errors; NULL: there is none */
        int argc;
        char **argv;         /* argv[0] is skipped, "--" ends the flags */
        const json_t *lines; /* of the file: where each key stands; or NULL */
        bool lenient;        /* of the file: keys in any case, "8123" for 8123, "true" for true */
};

enum option_origin {
        OPTION_FROM_NOWHERE,
        OPTION_FROM_DEFAULT,
        OPTION_FROM_FILE,
        OPTION_FROM_ENVIRONMENT,
        OPTION_FROM_FLAG,
};

/* What a caller may want to know besides the values. */
struct option_notes {
        struct text_list operands;   /* what is neither a flag nor a flag's value */
        char **rest;                 /* what follows "--", at least one word, or NULL; borrowed */
        enum option_origin *origins; /* one for each row, the caller's; or NULL */
        bool flags_only;             /* told: no operand is allowed, nor what follows "--" */
        struct text_list ignored;    /* keys of the file that mean nothing here */
};

/* Fills record from the fallbacks, the file, the environment and the arguments. notes may be NULL:
 * then no operand is allowed. Every error names what was given, where, and what is allowed; unknown
 * keys and flags name the nearest one. The caller clears record and notes also when this fails. */
bool options_read(const struct options *options, const struct option_sources *sources, void *record,
                  struct option_notes *notes, struct error *err) must_check;
void option_notes_clear(struct option_notes *notes);
/* Puts in front of an err about several values where the first of keys (ended by NULL) that was
 * given stands: file and line, variable or flag; the file, if any, where none was. Returns false.
 */
bool options_wrap_place(const struct options *options, const struct option_sources *sources,
                        const enum option_origin *origins, const char *const *keys,
                        struct error *err);
/* The same for one key that is known to be in the file. */
bool options_wrap_line(const struct option_sources *sources, const char *key, struct error *err);
/* Finds the value of --config/-c (or TKA_CONFIG) before anything else is read; NULL when not given.
 */
const char *options_config_path(int argc, char **argv);
/* Reads path as YAML into *json, and where each key stands into *lines (NULL: not wanted); a
 * missing file is an error unless optional (then *json is empty, and *lines left alone). */
bool options_read_file(const char *path, bool optional, json_t **json, json_t **lines,
                       struct error *err) must_check;
void options_clear(const struct options *options, void *record);
/* Whether the row's flag is one that is taken. */
bool options_take_flag(const struct options *options, const struct option_row *row);
/* The row of the flag that argument (from its dashes on) sets, taken or not; NULL: none.
 * *needs_next: its value is the next argument. */
const struct option_row *options_find_argument(const struct options *options, const char *argument,
                                               bool *needs_next);
/* The variable that sets the row; the caller's, NULL: none. */
char *options_environment_name(const struct option_row *row);
/* The flags' part of --help, in lines of at most width columns. */
void options_print_help(const struct options *options, size_t width, struct buf *buf);
/* The JSON Schema of the file, the caller's. title: what the file is. */
json_t *options_schema(const struct options *options, const char *title);
