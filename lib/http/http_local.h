/* http_local.h - GET over a unix socket of this machine, for callers who ask often.
 *
 * Calls wait (lib/fiber.h). In place of http_client.h where only the socket is needed: no TLS, no
 * names, no redirects, and a third of the processor time (docs/internals/http_local.md). */
#pragma once

#include "lib/buf.h"

struct http_local;
struct http_sink;
struct loop;

struct http_local_options {
        const char *path;   /* of the socket; copied, like host */
        const char *host;   /* what the Host header says */
        size_t in_flight;   /* connections; more callers wait their turn within their own time */
        size_t limit_bytes; /* most bytes of an answer's body */
};

/* target is ours: it holds nothing that must be escaped. */
struct http_local_request {
        const char *target;
        int64_t timeout_ms;           /* the whole call */
        const struct http_sink *sink; /* what the body goes to (http_answer.h), or NULL */
};

struct http_local *http_local_new(struct loop *loop, const struct http_local_options *options);
/* Calls under way are ended with an error first. */
void http_local_free(struct http_local *local);

/* true: an answer of whatever status, its body in *body where no sink took it. false: there was
 * none; ERROR_UNAVAILABLE, or ERROR_INVALID for one over the limit or that is not HTTP, or what the
 * sink said. Asks once more on a fresh connection when a kept one was closed before the answer
 * began. */
bool http_local_get(struct http_local *local, const struct http_local_request *request, int *status,
                    struct buf *body, struct error *err) must_check;
