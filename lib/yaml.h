/* yaml.h - YAML text to the same json_t that JSON gives, and back. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"

/* One document. Plain scalars become null, boolean, integer, real or text as YAML 1.2's core schema
 * says; aliases, duplicate keys, non-text keys and more than JSON_DEPTH_MAX levels are refused.
 * An empty document gives an empty object. Errors name the line. The caller owns *value. */
bool yaml_parse(const char *text, size_t length, json_t **value, struct error *err) must_check;
/* Also where each key of a map stands, within maps alone: *lines is {"server.port": 3}; the
 * caller's.
 */
bool yaml_parse_with_lines(const char *text, size_t length, json_t **value, json_t **lines,
                           struct error *err) must_check;
/* Block style, strings quoted where they would read as something else. */
void yaml_print(const json_t *value, struct buf *buf);
