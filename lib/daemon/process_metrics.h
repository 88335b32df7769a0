/* process_metrics.h - what every Prometheus program says about itself. For metrics.c. */
#pragma once

#include <dirent.h>

#include "lib/buf.h"

/* Kept open: behind a sandbox /proc cannot be opened any more, but what is open can be read. */
struct process_metrics {
        int statm;
        DIR *fds;
        double started; /* Unix seconds */
};

void process_metrics_init(struct process_metrics *process);
void process_metrics_clear(struct process_metrics *process);
void process_metrics_print(const struct process_metrics *process, struct buf *buf);
