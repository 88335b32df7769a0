/* splice.h - changes single entries in the text of a kubeconfig. Pure. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"

/* List items with a "name" to add, or to replace the one of that name; NULL: none. */
struct splice {
        const json_t *cluster, *user, *context;
        /* Names of items to take out, where they carry our mark; NULL: none. The current context is
         * none any more when it was the one taken out. */
        const char *no_cluster, *no_user, *no_context;
        const char *current_context; /* NULL: as it is */
        bool keeps_current;          /* only where the text names none */
};

/* Everything else stays as it was, byte for byte: comments, order, unknown fields. Only where the
 * layout does not allow that (JSON, flow style) is the text written anew, and *rewritten set.
 * CONFLICT for an entry of that name without our mark. The result has been read again and holds
 * what was meant, or this fails. */
bool splice_apply(const char *text, size_t length, const struct splice *splice, struct buf *result,
                  bool *rewritten, struct error *err) must_check;
