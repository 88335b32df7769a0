/* sources.h - the collections that are watched, into the store: the TkaSignins, and what was made
 * for them. */
#pragma once

#include "operator/program.h"

struct sources;

/* listed(owner, all) after a complete list of the TkaSignins, and once all were listed. */
struct sources *sources_start(struct program *program, void (*listed)(void *owner, bool all),
                              void *owner);
void sources_stop(struct sources *sources);
void sources_free(struct sources *sources);

/* UNAVAILABLE, with the reason, while not all are followed. */
bool sources_check(const struct sources *sources, struct error *err) must_check;
void sources_measure(const struct sources *sources, struct metrics *metrics);
