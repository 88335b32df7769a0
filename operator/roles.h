/* roles.h - whether the ClusterRoles that sessions may have exist; asked at most every few seconds.
 */
#pragma once

#include "operator/reconcile.h"

struct kube;
struct roles;

struct roles *roles_new(struct kube *kube);
void roles_free(struct roles *roles);

/* Waits. *power is set, the first time that role is read, to what it can do that reaches beyond its
 * session ("impersonate"), else to NULL. */
bool roles_look(struct roles *roles, const char *name, enum role_state *state, const char **power,
                struct error *err) must_check;
/* What of that kind a ClusterRole object grants, or NULL. */
const char *roles_find_power(const json_t *role);
