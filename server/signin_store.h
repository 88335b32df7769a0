/* signin_store.h - all TkaSignins of the session namespace: watched, kept, written.
 *
 * Own writes show at once, and nothing older overwrites what is newer. What was found is borrowed
 * until the next wait: copy it with signin_copy() before calling what waits. */
#pragma once

#include "schema/signin.h"

struct kube;
struct loop;
struct signin_store;

struct signin_store *signin_store_new(struct loop *loop, struct kube *kube,
                                      const char *namespace_name);
void signin_store_free(struct signin_store *store);

bool signin_store_is_synced(const struct signin_store *store);
/* Why it is not, or "". */
const char *signin_store_trouble(const struct signin_store *store);
int64_t signin_store_restarts(const struct signin_store *store);
/* UNAVAILABLE when the sessions are not known yet, or no longer. */
bool signin_store_check(const struct signin_store *store, struct error *err) must_check;

const struct signin *signin_store_find(const struct signin_store *store, const char *name);
/* In order of their names; for a loop that does not wait. */
size_t signin_store_count(const struct signin_store *store);
const struct signin *signin_store_at(const struct signin_store *store, size_t index);

/* Writes spec under its name and copies what became of it. An old session of that name that is
 * still ending is waited for until deadline_ms (of loop_now_ms()). */
bool signin_store_apply(struct signin_store *store, const struct signin_spec *spec,
                        int64_t deadline_ms, struct signin *signin, struct error *err) must_check;
/* Writes spec into exactly the object that was judged. CONFLICT as below. */
bool signin_store_amend(struct signin_store *store, const struct signin *judged,
                        const struct signin_spec *spec, struct error *err) must_check;
/* Deletes exactly the object that was judged. CONFLICT when it changed since: what it is now is
 * then in the store. Gone already is done. */
bool signin_store_delete(struct signin_store *store, const struct signin *judged,
                         struct error *err) must_check;
/* Asks the API server what it is now; gone is done. */
bool signin_store_refresh(struct signin_store *store, const char *name,
                          struct error *err) must_check;
/* UNAVAILABLE when so many wait already that no other should. */
bool signin_store_admits(const struct signin_store *store, struct error *err) must_check;
/* Until something of that name changes; UNAVAILABLE at deadline_ms (of loop_now_ms()). */
bool signin_store_wait(struct signin_store *store, const char *name, int64_t deadline_ms,
                       struct error *err) must_check;
/* Until the object with that uid is gone; the same. */
bool signin_store_wait_gone(struct signin_store *store, const char *name, const char *uid,
                            int64_t deadline_ms, struct error *err) must_check;

/* Nobody waits for a session any longer than that, whoever waits now included. */
void signin_store_end_waits(struct signin_store *store, int64_t deadline_ms);

/* What a caller is told of a call to the API server that failed: its refusals are not theirs. */
bool signin_store_explain(struct error *err, const char *doing);
