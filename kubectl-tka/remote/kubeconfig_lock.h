/* kubeconfig_lock.h - client-go's lock on a kubeconfig: the file FILE.lock, made by one at a time.
 */
#pragma once

#include <signal.h>

#include "lib/error.h"

struct kubeconfig_lock {
        char *path; /* NULL: not held */
        sigset_t signals;
};

/* Waits while others take turns; CONFLICT when one lock stays for 5 s. Signals that would end the
 * program, and leave the lock behind, wait until the release. */
bool kubeconfig_lock_take(const char *path, struct kubeconfig_lock *lock,
                          struct error *err) must_check;
void kubeconfig_lock_release(struct kubeconfig_lock *lock);
