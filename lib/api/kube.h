/* kube.h - the Kubernetes API server: where it is, who we are there, and single calls to it.
 *
 * Calls wait (lib/fiber.h), at most LIMIT_KUBE_TIMEOUT_MS each. A 401 re-reads the token file and
 * tries once more; 429 and 503 with Retry-After are tried again within the time-out. Error kinds:
 * 404 NOT_FOUND, 409 CONFLICT, 403 DENIED (but NOT_FOUND for a namespace that is being deleted),
 * 401 UNAUTHENTICATED, 400 and 422 INVALID (the status is in err->http_status), everything else
 * UNAVAILABLE. */
#pragma once

#include <jansson.h>

#include "lib/buf.h"
#include "lib/secret.h"

struct http_client;
struct http_stream;
struct kube;
struct loop;

/* Where and as whom. Everything owned. */
struct kube_config {
        char *server;     /* https://host:port, or http:// for tests' stand-ins on loopback */
        char *ca_file;    /* re-read when it changes, or NULL */
        char *ca_pem;     /* or NULL; both NULL: the system's */
        char *token_file; /* re-read at least every minute, or NULL */
        struct secret token;
        char *client_certificate_pem, *client_key_pem; /* or NULL */
        char *tls_server_name;                         /* or NULL */
        bool insecure;
        char *namespace_name; /* the pod's, or the context's, or NULL */
};
void kube_config_clear(struct kube_config *config);

/* path NULL: in the cluster when KUBERNETES_SERVICE_HOST is set, else the first file of
 * $KUBECONFIG, else ~/.kube/config. exec and auth-provider users are refused. */
bool kube_config_read(const char *path, struct kube_config *config, struct error *err) must_check;

/* Takes *config over. */
struct kube *kube_new(struct loop *loop, struct kube_config *config, const char *user_agent);
void kube_free(struct kube *kube);

/* The API server's time in Unix seconds: our monotonic clock plus the offset its Date headers gave;
 * our own clock before the first answer. */
int64_t kube_now(const struct kube *kube);
int64_t kube_now_ms(const struct kube *kube); /* the same in milliseconds */
/* That offset against our wall clock, for the metric. */
int64_t kube_clock_offset_seconds(const struct kube *kube);
/* When the API server last answered anything, by loop_now_ms(); 0: never. */
int64_t kube_answered_at_ms(const struct kube *kube);

struct kube_resource {
        const char *group; /* "" for core */
        const char *version;
        const char *plural;
};
/* "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUB"; each part escaped, NULL leaves it out. The
 * caller owns it. */
char *kube_path(const struct kube_resource *resource, const char *namespace_name, const char *name,
                const char *subresource);

/* object: the answer, the caller's; may be NULL when it is of no interest. */
bool kube_get(struct kube *kube, const char *path, json_t **object, struct error *err) must_check;
/* A page of a list, of at most *most objects; of fewer, down to one, when they are too large
 * together: nobody who makes large ones keeps us from the others. path is without a limit. */
bool kube_get_page_that_fits(struct kube *kube, const char *path, int *most, json_t **list,
                             struct error *err) must_check;
/* resourceVersions, as Kubernetes compares them: decimal texts; what is no number is never older.
 */
bool kube_version_is_older(const char *version, const char *other);
/* Each object of a collection, page after page, so that memory stays small; without a
 * resourceVersion, so that no cache of the API server can be behind. selector: of labels, or NULL.
 * visit may wait; false from it ends the walk. When the API server forgets in between where we are
 * (410), the walk begins again, a few times at most: then it visits some objects once more. */
bool kube_walk(struct kube *kube, const char *path, const char *selector,
               bool (*visit)(void *owner, const json_t *object, struct error *err), void *owner,
               struct error *err) must_check;
/* POST. CONFLICT means AlreadyExists. */
bool kube_create(struct kube *kube, const char *path, const json_t *body, json_t **object,
                 struct error *err) must_check;
/* Server-side apply, force=true, fieldValidation=Strict. With metadata.uid in the body: CONFLICT
 * when it is no longer that object. */
bool kube_apply(struct kube *kube, const char *path, const char *manager, const json_t *body,
                json_t **object, struct error *err) must_check;
/* JSON patch (RFC 6902). A failed "test" is INVALID with status 422. */
bool kube_patch(struct kube *kube, const char *path, const json_t *operations, json_t **object,
                struct error *err) must_check;
/* PUT, guarded by the body's resourceVersion: CONFLICT when it is stale. */
bool kube_replace(struct kube *kube, const char *path, const json_t *body, json_t **object,
                  struct error *err) must_check;
/* Preconditions uid (always) and resource_version (or NULL): CONFLICT when they do not hold.
 * NOT_FOUND when it is gone already. object: what was deleted, or still is being deleted. */
bool kube_delete(struct kube *kube, const char *path, const char *uid, const char *resource_version,
                 json_t **object, struct error *err) must_check;

/* For kube_watch: opens a watch on a connection of its own. */
bool kube_stream(struct kube *kube, const char *path, struct http_stream **stream,
                 struct error *err) must_check;
