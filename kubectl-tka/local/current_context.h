/* current_context.h - which context kubectl would use, without a YAML reader: quick, and right for
 * files as kubectl and we write them. */
#pragma once

#include "lib/error.h"

/* Of the file, or (NULL) of those that KUBECONFIG or the home directory names: the first that says
 * one. The caller's; NULL: none is set. */
char *current_context_find(const char *kubeconfig);
/* In a kubeconfig's text: a line of its own at the left margin, or a key of a JSON object. The
 * caller's. Pure. */
char *current_context_parse(const char *text, size_t length);
