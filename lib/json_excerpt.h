/* json_excerpt.h - the few members of a large JSON object that somebody reads.
 *
 * jansson makes a value of every member and wipes it again: of a WhoIs answer nine tenths are for
 * nothing, and that at every request. So they are skipped in the text before jansson sees it. Of a
 * text that comes in pieces the rest need never be in memory. */
#pragma once

#include "lib/json.h"

/* Room for a text of 1024 bytes, each of them written as an escape of six. */
#define JSON_EXCERPT_TEXT_MAX 8192

/* A member of the object, and what is read of it when it is an object itself. */
struct json_section {
        const char *name;
        const struct json_field *fields;
        size_t count; /* of the fields; 0: all of it is read */
        bool each;    /* it is an object of objects, and the fields are those of each of them */
};

/* Which members of an object are kept: sections, fields of one, or all of one of objects. */
struct json_selection {
        const struct json_section *sections;
        const struct json_field *fields;
        size_t count;
        const struct json_section *each; /* or NULL */
};

enum json_excerpt_state {
        JSON_EXCERPT_OBJECT, /* what comes next, but for white space */
        JSON_EXCERPT_FIRST_NAME,
        JSON_EXCERPT_NAME,
        JSON_EXCERPT_COLON,
        JSON_EXCERPT_VALUE,
        JSON_EXCERPT_MEMBER_END,
        JSON_EXCERPT_END,
        JSON_EXCERPT_IN_NAME, /* what it is within */
        JSON_EXCERPT_IN_TEXT,
        JSON_EXCERPT_IN_BRACKETS,
        JSON_EXCERPT_IN_WORD,
};

/* As deep as members are chosen: the object, a section, one of many in that. */
#define JSON_EXCERPT_LEVELS 3

/* An excerpt as it grows; init and clear pair up. */
struct json_excerpt {
        struct buf kept;
        enum json_excerpt_state state;
        bool over_limit;
        struct {
                struct json_selection selection;
                bool any; /* a member is kept already */
        } levels[JSON_EXCERPT_LEVELS], *level;
        /* Of the member that is read. */
        struct json_selection within; /* of its value */
        size_t start, value_start;    /* in kept */
        bool left_out;
        bool quoted, escaped; /* in a string; behind a backslash there */
        /* Brackets that are open in a value that is no level: of each a bit says whether it is
         * curly, the latest in the lowest. */
        uint64_t curly;
        unsigned depth;
};

/* limit_bytes: of what is kept, 0: none. The sections are borrowed. */
void json_excerpt_init(struct json_excerpt *excerpt, const struct json_section *sections,
                       size_t count, size_t limit_bytes);
void json_excerpt_clear(struct json_excerpt *excerpt);
/* Takes all of the bytes, however the text was cut into pieces. false: it is no object, or more is
 * to be kept than may be; nothing more may be given. */
bool json_excerpt_take(struct json_excerpt *excerpt, const char *bytes, size_t length,
                       struct error *err) must_check;
/* Nothing more comes. As json_parse_shared(), but *object holds the sections alone, each with its
 * fields alone, and no text of more than JSON_EXCERPT_TEXT_MAX bytes, as it is written, as one of
 * them. What is left out is not judged, except that its brackets and quotes must pair up. */
bool json_excerpt_finish_shared(const struct json_excerpt *excerpt, json_t **object,
                                struct error *err) must_check;

/* All of that with a text that is here, and as json_parse_object(). */
bool json_excerpt_parse(const char *text, size_t length, const struct json_section *sections,
                        size_t count, json_t **object, struct error *err) must_check;
