/* json_excerpt.h - the few members of a large JSON object that somebody reads.
 *
 * jansson makes a value of every member and wipes it again: of a WhoIs answer nine tenths are for
 * nothing, and that at every request. So they are skipped in the text before jansson sees it. */
#pragma once

#include "lib/json.h"

/* A member of the object, and what is read of it when it is an object itself. */
struct json_section {
        const char *name;
        const struct json_field *fields;
        size_t count; /* of the fields; 0: all of it is read */
        bool each;    /* it is an object of objects, and the fields are those of each of them */
};

/* As json_parse_object(), but *object holds the sections alone, each with its fields alone, and no
 * text of more than JSON_EXCERPT_TEXT_MAX bytes as one of them. What is left out is not judged,
 * except that its brackets and quotes must pair up. */
#define JSON_EXCERPT_TEXT_MAX 65536
bool json_excerpt_parse(const char *text, size_t length, const struct json_section *sections,
                        size_t count, json_t **object, struct error *err) must_check;
/* The same of what json_parse_shared() is for. */
bool json_excerpt_parse_shared(const char *text, size_t length, const struct json_section *sections,
                               size_t count, json_t **object, struct error *err) must_check;
