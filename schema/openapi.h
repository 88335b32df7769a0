/* openapi.h - schema/openapi.yaml, within the program. */
#pragma once

#include <jansson.h>

/* Parsed at the first call and kept for ever: the document is ours, so it can be. */
const json_t *openapi_document(void);
