/* dependant.h - what was made for a session: its ServiceAccount and its bindings, as last seen. */
#pragma once

#include <jansson.h>

#include "lib/error.h"

struct kube_resource;
struct signin;

enum dependant_kind {
        DEPENDANT_SERVICE_ACCOUNT,
        DEPENDANT_CLUSTER_BINDING, /* a ClusterRoleBinding */
        DEPENDANT_BINDING,         /* a RoleBinding */
        DEPENDANT_KINDS,
};

/* The little that has to be known of it. All texts are owned and never NULL once decoded. */
struct dependant {
        enum dependant_kind kind;
        bool plain;           /* a ServiceAccount mounts no token by itself; a binding: always */
        bool ending;          /* has a deletionTimestamp: somebody's finalizer holds it */
        char *namespace_name; /* "" when it is cluster-scoped */
        char *name, *uid, *resource_version;
        char *signin_uid; /* of its label, "" without one */
        char *role;       /* the ClusterRole a binding refers to, "" when it is anything else */
        char *subject;    /* the one ServiceAccount of its own session namespace, else "" */
};

void dependant_clear(struct dependant *dependant);
void dependant_copy(struct dependant *copy, const struct dependant *dependant);
/* session_namespace is where a binding's subject must be. */
bool dependant_decode(enum dependant_kind kind, const json_t *object, const char *session_namespace,
                      struct dependant *dependant, struct error *err) must_check;
/* It is what objects.h would make for this session today, and under that name. */
bool dependant_is_as_made(const struct dependant *dependant, const struct signin *signin);

const struct kube_resource *dependant_resource(enum dependant_kind kind);
const char *dependant_kind_name(enum dependant_kind kind);
/* The path of one, or with name NULL of them all; the caller's. */
char *dependant_path(enum dependant_kind kind, const char *namespace_name, const char *name);
/* NAME-binding; the caller's. */
char *dependant_binding_name(const char *signin_name);
