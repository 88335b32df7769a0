/* kubeconfig_lock.h - client-go's lock on a kubeconfig: the file FILE.lock, made by one at a time.
 */
#pragma once

#include <signal.h>

#include "lib/error.h"

struct kubeconfig_lock {
        char *path;  /* NULL: not held */
        bool waited; /* others are at work on the file */
        sigset_t signals;
};

/* Waits while others take turns; CONFLICT when one lock stays for 5 s. Once the lock is ours,
 * signals that would end the program, and leave it behind, wait until the release. */
bool kubeconfig_lock_take(const char *path, struct kubeconfig_lock *lock,
                          struct error *err) must_check;
/* kubectl reads before it locks, and then takes away what it has not read: after a change the lock
 * is held a moment longer, so that such a kubectl meets it and gives up. */
void kubeconfig_lock_linger(const struct kubeconfig_lock *lock);
void kubeconfig_lock_release(struct kubeconfig_lock *lock);

/* For who only reads: waits while others take turns with the lock, 5 s at most. false: it is still
 * there; one that stays for 1 s was left behind by a crash. */
bool kubeconfig_lock_await(const char *path);
