/* dependent.h - what was made for a session: its ServiceAccount and its bindings, as last seen. */
#pragma once

#include <jansson.h>

#include "lib/error.h"

struct kube_resource;
struct signin;

enum dependent_kind {
        DEPENDENT_SERVICE_ACCOUNT,
        DEPENDENT_CLUSTER_BINDING, /* a ClusterRoleBinding */
        DEPENDENT_BINDING,         /* a RoleBinding */
        DEPENDENT_KINDS,
};

/* The little that has to be known of it. All texts are owned and never NULL once decoded. */
struct dependent {
        enum dependent_kind kind;
        bool plain;           /* a ServiceAccount mounts no token by itself; a binding: always */
        bool foreign;         /* a binding of another installation's session */
        bool ending;          /* has a deletionTimestamp: somebody's finalizer holds it */
        char *namespace_name; /* "" when it is cluster-scoped */
        char *name, *uid, *resource_version;
        char *signin_uid; /* of its label, "" without one */
        char *role;       /* the ClusterRole a binding refers to, "" when it is anything else */
        char *subject;    /* the one ServiceAccount of its own session namespace, else "" */
};

void dependent_clear(struct dependent *dependent);
void dependent_copy(struct dependent *copy, const struct dependent *dependent);
/* session_namespace is where a binding's subject must be. */
bool dependent_decode(enum dependent_kind kind, const json_t *object, const char *session_namespace,
                      struct dependent *dependent, struct error *err) must_check;
/* It is what objects.h would make for this session today, and under that name. */
bool dependent_is_as_made(const struct dependent *dependent, const struct signin *signin);
/* It stands where, and under the name that, we make such a thing for this session; in whatever
 * namespace, when nobody can tell any more. What is not, is of whoever wrote our label on it, and
 * there may be any number of those. */
bool dependent_is_own(const struct dependent *dependent, const struct signin *signin,
                      const char *binding_name);

/* A binding of the session's own. signin: NULL when it is not known. Once that is gone or not
 * known, what was deleted and is held is somebody's. */
bool dependent_is_right(const struct dependent *dependent, const struct signin *signin, bool gone);

const struct kube_resource *dependent_resource(enum dependent_kind kind);
const char *dependent_kind_name(enum dependent_kind kind);
/* The path of one, or with name NULL of them all; the caller's. */
char *dependent_path(enum dependent_kind kind, const char *namespace_name, const char *name);
/* NAME.NAMESPACE of the session: two installations never mean the same one. The caller's. */
char *dependent_binding_name(const struct signin *signin);
