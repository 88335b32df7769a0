/* drain.h - the command before an uninstall: ends every session, and lets nobody begin another. */
#pragma once

#include "lib/kube.h"

/* Takes away the RoleBinding by which tka-server writes sessions, deletes every TkaSignin, and
 * waits until a running tka-operator has taken away what each had. record: struct config. */
bool drain_run(void *record, struct kube_config *kube_config, struct error *err) must_check;
