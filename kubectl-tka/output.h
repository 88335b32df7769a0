/* output.h - what a command found out, as -o asks: tables and lines for people, JSON, YAML, names.
 * The document is JSON from the start; a view says which of it people see. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME };
/* text: one of COMMAND_OUTPUTS, or NULL for what is usual. */
enum output_format output_format_parse(const char *text, enum output_format usual);

enum output_kind {
        OUTPUT_TEXT,
        OUTPUT_TIME,   /* an RFC 3339 text; people see "in 3h 58m" */
        OUTPUT_FLAG,   /* yes, no */
        OUTPUT_LIST,   /* an array of texts */
        OUTPUT_LABELS, /* an object of texts */
};

struct output_column {
        const char *title;
        const char *path; /* in an item, as json_at() walks it */
        enum output_kind kind;
};

struct output_view {
        const struct output_column *columns;
        size_t count;
        const char *name; /* the path of what -o name prints */
};

/* An item's value as people read it, "-" when there is none. Times are relative to now where that
 * is not 0. No control character of the document gets through. */
void output_print_cell(const struct output_column *column, const json_t *item, int64_t now,
                       struct buf *text);
/* The columns below each other, "Role:  view"; those without a value are left out. */
void output_print_facts(const struct output_view *view, const json_t *item, int64_t now,
                        struct buf *text);
/* JSON, YAML or names; document is an item or an array of items. */
void output_print(enum output_format format, const struct output_view *view, const json_t *document,
                  struct buf *text);
/* What times are relative to: now on a terminal, 0 (they stay as they are) elsewhere. */
int64_t output_now(void);
/* "in 3h 58m", "12s ago". */
void output_print_relative(int64_t at, int64_t now, struct buf *text);
/* On stdout, at once. */
bool output_write(const struct buf *text, struct error *err) must_check;
