/* gate.h - look-ups that may find nobody, one at a time and two such a second.
 *
 * tailscaled holds its lock for 180 ms when it knows nobody at an address. In userspace mode only a
 * process beside us can be such a peer, and it must not slow down everybody else. A connection that
 * was known once passes freely. */
#pragma once

#include "lib/error.h"

struct gate;
struct loop;

/* waiting_most: so many wait for their turn, further ones are refused. */
struct gate *gate_new(struct loop *loop, size_t waiting_most);
void gate_free(struct gate *gate);

/* Waits its turn for a short while; UNAVAILABLE after that. *held goes to gate_leave(). */
bool gate_enter(struct gate *gate, const char *peer, bool *held, struct error *err) must_check;
enum gate_finding { GATE_KNOWN, GATE_UNKNOWN, GATE_UNTOLD };
void gate_leave(struct gate *gate, const char *peer, bool held, enum gate_finding finding);
