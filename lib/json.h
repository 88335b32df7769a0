/* json.h - JSON text to values and back; one table per struct reads and writes it. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"
#include "lib/text_list.h"

#define JSON_DEPTH_MAX 64

/* Any JSON value; duplicate keys, more than JSON_DEPTH_MAX levels and trailing bytes are refused.
 * The caller owns *value. */
bool json_parse(const char *text, size_t length, json_t **value, struct error *err) must_check;
/* As json_parse, and the value must be an object. */
bool json_parse_object(const char *text, size_t length, json_t **object,
                       struct error *err) must_check;
/* As json_parse_object, but texts may hold NUL characters: for documents into which many may write,
 * and of which none is to be lost for all because of one of them. Such a text is none for
 * json_text_at() and json_fields_read(); json_string_value() ends at its first NUL. */
bool json_parse_shared(const char *text, size_t length, json_t **object,
                       struct error *err) must_check;
/* Compact, keys in order of insertion, no newline. */
void json_print(const json_t *value, struct buf *buf);
/* As json_string(), but never NULL: a text that is no UTF-8 is cleaned first (error_clean_line). */
json_t *json_text(const char *text);
json_t *json_text_list(const struct text_list *list);
/* Sets key to a text; NULL: leaves it out. */
void json_set_text(json_t *object, const char *key, const char *text);

/* Walks "metadata.uid"; NULL (or fallback) when a step is missing or of another type. Keys that
 * hold a dot themselves are fetched from the object before. Borrowed from root. */
json_t *json_at(const json_t *root, const char *path);
const char *json_text_at(const json_t *root, const char *path);
int64_t json_integer_at(const json_t *root, const char *path, int64_t fallback);
bool json_bool_at(const json_t *root, const char *path, bool fallback);
/* The first object of an array whose "name" is that, as kubeconfigs list things; NULL: none. */
json_t *json_find_named(const json_t *array, const char *name);
/* How an object spells a key of it: as name, else in another case; NULL: there is none. Borrowed
 * from object, which may be NULL. */
const char *json_find_member(json_t *object, const char *name);

enum json_kind {
        JSON_KIND_TEXT,      /* char *, owned */
        JSON_KIND_BOOL,      /* bool */
        JSON_KIND_INTEGER,   /* int64_t */
        JSON_KIND_TEXT_LIST, /* struct text_list */
        JSON_KIND_SECRET,    /* struct secret */
        JSON_KIND_JSON,      /* json_t *, owned: passed on as it is */
};

/* One row per property. Integers and booleans are always written; an absent text (NULL), list
 * (count 0), secret or json is left out. */
struct json_field {
        const char *name;
        enum json_kind kind;
        size_t offset;
        bool required;
        size_t limit; /* longest text, most items in a list; 0: LIMIT_JSON_TEXT */
};

/* Errors: "\"role\" is missing", "\"username\" has the wrong type", "\"reason\" is longer than 256
 * bytes". JSON null counts as absent. On failure the struct is as it was. Unknown keys are
 * ignored.*/
bool json_fields_read(const json_t *object, const struct json_field *fields, size_t count,
                      void *record, struct error *err) must_check;
/* A new object, the caller's. */
json_t *json_fields_write(const struct json_field *fields, size_t count, const void *record);
void json_fields_clear(const struct json_field *fields, size_t count, void *record);
