/* keyring_note.h - how our processes go easy on a keyring: one at a time, and not at all for a
 * while after it was of no use. */
#pragma once

#include "kubectl-tka/local/keyring.h"

/* Our turn: gnome-keyring can end itself under many clients at once. Waits 250 ms at most and goes
 * on without. -1, or what ends the turn when it is closed. */
int keyring_note_take_turn(void);

/* What is remembered of the keyring on that bus, for 60 s; KEYRING_OPEN when nothing is. */
enum keyring_state keyring_note_read(const char *bus);
/* alone: there is no other place for tokens. Says on stderr, when it is news, that the keyring is
 * locked, and where it is alone that it is of no use at all. */
void keyring_note_write(const char *bus, enum keyring_state state, bool alone);
