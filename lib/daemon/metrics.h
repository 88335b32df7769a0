/* metrics.h - counters, gauges and histograms in the Prometheus text format. */
#pragma once

#include "lib/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS_MAX 4

/* A row of a program's table of metrics. */
struct metric {
        const char *name; /* counters end in _total, times in _seconds */
        enum metric_kind kind;
        const char *labels[METRIC_LABELS_MAX]; /* names, ended by NULL */
        const char *help;
};

struct metrics;

/* The table is borrowed for ever. At most 1000 series per metric; more are counted together under
 * the label value "other". */
struct metrics *metrics_new(const struct metric *table, size_t count);
void metrics_free(struct metrics *metrics);

/* index: the row in the table; labels: as many texts as the row has labels, or NULL. */
void metrics_add(struct metrics *metrics, size_t index, const char *const *labels, double amount);
void metrics_set(struct metrics *metrics, size_t index, const char *const *labels, double value);
/* Histogram buckets: 1 ms to 10 s in steps of about 2.5. */
void metrics_observe(struct metrics *metrics, size_t index, const char *const *labels,
                     double seconds);
/* Forgets every series of a gauge, before it is set anew. */
void metrics_reset(struct metrics *metrics, size_t index);
/* Also process_resident_memory_bytes, process_cpu_seconds_total, process_start_time_seconds,
 * process_open_fds. Content type: METRICS_CONTENT_TYPE. */
void metrics_print(const struct metrics *metrics, struct buf *buf);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
