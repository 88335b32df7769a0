/* failure.h - what went wrong a moment ago: a client that runs its plugin five times in a row hears
 * one line and causes one request. */
#pragma once

#include "kubectl-tka/local/cache_entry.h"
#include "kubectl-tka/local/parent.h"

struct failure {
        int64_t pid, started; /* the parent that was told */
        int64_t at_ms;        /* of parent_clock_ms() */
        int64_t hold_ms;      /* 2 s; longer for a parent that keeps coming */
        int64_t kind, http_status;
        char *text, *advice;
};
void failure_clear(struct failure *failure);

/* true: the parent was told this a moment ago, and need not be again. */
bool failure_recall(const struct cache_key *key, const struct parent *parent, struct error *err);
/* true: anybody's request failed since then, of whatever parent. */
bool failure_since(const struct cache_key *key, int64_t since_ms, struct error *err);
/* Failures that cannot be noted are not. */
void failure_note(const struct cache_key *key, const struct parent *parent,
                  const struct error *err);
/* After a success. */
void failure_forget(const struct cache_key *key);
