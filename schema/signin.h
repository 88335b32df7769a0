/* signin.h - TkaSignin (tka.specht-labs.de/v1alpha1): one session of a person, as a role, from a
 * device. Twin of crd/tkasignins.yaml. */
#pragma once

#include <jansson.h>

#include "lib/api/kube.h"
#include "lib/json.h"
#include "schema/limits.h"

#define SIGNIN_GROUP "tka.specht-labs.de"
#define SIGNIN_API_VERSION SIGNIN_GROUP "/v1alpha1"
#define SIGNIN_FINALIZER SIGNIN_GROUP "/session"
#define SIGNIN_UID_LABEL SIGNIN_GROUP "/signin-uid"   /* on everything made for a session */
#define SIGNIN_LOGIN_ANNOTATION SIGNIN_GROUP "/login" /* the same */
#define SIGNIN_NODE_ANNOTATION SIGNIN_GROUP "/node"   /* the same */
#define SIGNIN_NAME_PREFIX "tka-user-"
#define SIGNIN_NAME_SIZE 64

const struct kube_resource *signin_resource(void);

struct signin_spec {
        char *username; /* the whole login name */
        char *role;
        char *validity_period; /* a Go duration */
        char *requested_at;    /* RFC 3339, or NULL: the creation time counts */
        char *node, *node_id, *user_id, *issuer, *reason; /* or NULL */
        struct text_list namespaces;
};

/* Written by the operator alone. */
struct signin_status {
        bool provisioned;
        char *signed_in, *valid_until; /* RFC 3339, or NULL */
        int64_t observed_generation;
        char *service_account_name, *service_account_uid; /* or NULL */
        /* The condition Ready: "True" or "False", or NULL when never judged. */
        char *ready, *ready_reason, *ready_message, *ready_changed_at;
};

struct signin {
        char *name, *namespace_name, *uid, *resource_version;
        int64_t generation;
        int64_t created_at;  /* Unix seconds */
        int64_t deletion_at; /* 0: not being deleted */
        bool has_finalizer;
        struct signin_spec spec;
        struct signin_status status;
};

void signin_clear(struct signin *signin);
void signin_spec_clear(struct signin_spec *spec);
void signin_status_clear(struct signin_status *status);
void signin_copy(struct signin *copy, const struct signin *signin); /* deep, into a cleared one */

/* An object as the API server gives it. */
bool signin_decode(const json_t *object, struct signin *signin, struct error *err) must_check;
/* Of one whose spec or status cannot be read: the metadata alone. No spec that can be read is
 * without a username. */
bool signin_decode_head(const json_t *object, struct signin *signin, struct error *err) must_check;
/* The same, and of the spec whose session it is, which never changes: username and role, or it
 * fails; node_id, user_id, issuer and namespaces as far as each can be read. No spec that can be
 * read is without a validity_period. */
bool signin_decode_owner(const json_t *object, struct signin *signin, struct error *err) must_check;
/* The body of the server's apply: apiVersion, kind, metadata {name, namespace, finalizers,
 * annotations}, spec. The caller's. */
json_t *signin_encode(const char *namespace_name, const char *name, const struct signin_spec *spec);
/* The body of the operator's apply to /status, metadata.uid in it. The caller's. */
json_t *signin_encode_status(const struct signin *signin, const struct signin_status *status);

/* tka-user-<slug>-<16 hex of SHA-256 over login, role, node id, namespaces>. Returns name. */
const char *signin_name(const struct signin_spec *spec, char name[SIGNIN_NAME_SIZE]);
bool signin_name_is_ours(const struct signin *signin); /* its name is what its spec gives */
/* It is that person's, on that device. */
bool signin_belongs_to(const struct signin *signin, const char *login, const char *node_id);

/* Unix seconds at which the session ends: requested_at (else created_at) + validity_period. INVALID
 * when the period or the time cannot be read. */
bool signin_ends_at(const struct signin *signin, int64_t *ends, struct error *err) must_check;
/* How long before its end a session is renewed: max(60 s, 10 % of the period), at most half. In a
 * file of its own, which links nothing: the plugin's quick half asks as well. */
int64_t signin_renewal_seconds(int64_t period_seconds);

/* The tables of spec, status, status.serviceAccount and one condition, for the test of the
 * documents. */
size_t signin_spec_fields(const struct json_field **table);
size_t signin_status_fields(const struct json_field **table);
size_t signin_account_fields(const struct json_field **table);
size_t signin_condition_fields(const struct json_field **table);
