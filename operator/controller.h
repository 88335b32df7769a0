/* controller.h - watch, queue, reconcile, apply: the loop that keeps sessions as they should be. */
#pragma once

#include "operator/program.h"

struct controller;

/* Watches begin at once; sessions are worked on once all was listed. program is the caller's and is
 * given its store. */
struct controller *controller_start(struct program *program);
/* Takes no new session and waits for those under way, at most timeout_ms. On a fiber. */
void controller_stop(struct controller *controller, int64_t timeout_ms);
void controller_free(struct controller *controller);

/* UNAVAILABLE, with the reason, while not everything is known. */
bool controller_check(const struct controller *controller, struct error *err) must_check;
/* Brings the gauges up to date, before they are printed. */
void controller_measure(const struct controller *controller);
