/* otlp.h - spans to an OpenTelemetry collector: OTLP/HTTP in JSON, in batches, never in the way.
 *
 * What cannot be sent is dropped: at most LIMIT_OTLP_SPANS wait. */
#pragma once

#include "lib/error.h"

struct loop;
struct otlp;

struct otlp_options {
        const char *endpoint; /* "http://host:4318"; /v1/traces is added where there is no path */
        const char *service, *version;
};

/* One request that was answered. Copied. */
struct otlp_span {
        const char *trace_id, *span_id; /* hex digits */
        const char *parent_id;          /* or "" */
        const char *name;
        int64_t start_ns, end_ns;           /* since 1970 */
        const char *const (*attributes)[2]; /* keys and values; values may be NULL: left out */
        size_t attribute_count;
        const char *failure; /* or NULL: it went well */
};

struct otlp *otlp_new(struct loop *loop, const struct otlp_options *options);
/* Waits a moment for what is still to be sent. */
void otlp_free(struct otlp *otlp);
void otlp_add(struct otlp *otlp, const struct otlp_span *span);

/* For the metrics, since the start. */
int64_t otlp_sent(const struct otlp *otlp);
int64_t otlp_dropped(const struct otlp *otlp);
