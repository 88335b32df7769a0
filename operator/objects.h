/* objects.h - builds the ServiceAccount and the binding of a session. */
#pragma once

#include <jansson.h>

struct signin;

/* The bodies to POST; the caller's. */
json_t *objects_service_account(const struct signin *signin);
/* namespace_name "": a ClusterRoleBinding, else a RoleBinding there. */
json_t *objects_binding(const struct signin *signin, const char *namespace_name);
