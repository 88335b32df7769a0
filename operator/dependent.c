#include "operator/dependent.h"

#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "schema/signin.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

static const struct {
        struct kube_resource resource;
        const char *name;
} kinds[DEPENDENT_KINDS] = {
        [DEPENDENT_SERVICE_ACCOUNT] = { { "", "v1", "serviceaccounts" },             "ServiceAccount" },
        [DEPENDENT_CLUSTER_BINDING] = { { RBAC_GROUP, "v1", "clusterrolebindings" },
                                       "ClusterRoleBinding"                                           },
        [DEPENDENT_BINDING] = { { RBAC_GROUP, "v1", "rolebindings" },        "RoleBinding"    },
};

#define TEXT(member) offsetof(struct dependent, member)
static const size_t texts[] = {
        TEXT(namespace_name), TEXT(name), TEXT(uid),     TEXT(resource_version),
        TEXT(signin_uid),     TEXT(role), TEXT(subject),
};

static char **text_at(void *record, size_t offset)
{
        return (char **)((char *)record + offset);
}

void dependent_clear(struct dependent *dependent)
{
        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
                free(*text_at(dependent, texts[i]));
        *dependent = (struct dependent){ 0 };
}

void dependent_copy(struct dependent *copy, const struct dependent *dependent)
{
        *copy = *dependent;
        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
                *text_at(copy, texts[i]) = xstrdup(*text_at(copy, texts[i]));
}

static char *copy_text(const char *text)
{
        return xstrdup(text == NULL ? "" : text);
}

/* What is longer is nothing that we made, whoever wrote it; and not kept, however often it comes.
 */
static char *copy_name(const char *text)
{
        return copy_text(text != NULL && strlen(text) <= LIMIT_KUBE_NAME ? text : NULL);
}

static bool text_is(const char *text, const char *wanted)
{
        return text != NULL && strcmp(text, wanted) == 0;
}

static const char *read_role(const json_t *object)
{
        if (!text_is(json_text_at(object, "roleRef.kind"), "ClusterRole") ||
            !text_is(json_text_at(object, "roleRef.apiGroup"), RBAC_GROUP))
                return "";
        return json_text_at(object, "roleRef.name");
}

/* The one ServiceAccount that a binding is for, or NULL. */
static const json_t *find_subject(const json_t *object)
{
        const json_t *subjects = json_object_get(object, "subjects");
        const json_t *subject = json_array_get(subjects, 0);

        return json_array_size(subjects) == 1 &&
                               text_is(json_text_at(subject, "kind"), "ServiceAccount")
                       ? subject
                       : NULL;
}

static const char *read_subject(const json_t *object, const char *session_namespace)
{
        const json_t *subject = find_subject(object);

        return text_is(json_text_at(subject, "namespace"), session_namespace)
                       ? json_text_at(subject, "name")
                       : "";
}

/* Its name says whose it is, whatever somebody wrote into it; where it says nothing, its subject.
 */
static bool is_foreign(const json_t *object, const char *session_namespace)
{
        const char *name = json_text_at(object, "metadata.name");
        const char *dot = name == NULL ? NULL : strchr(name, '.');
        const char *namespace_name =
                dot != NULL ? dot + 1 : json_text_at(find_subject(object), "namespace");

        return namespace_name != NULL && strcmp(namespace_name, session_namespace) != 0;
}

bool dependent_decode(enum dependent_kind kind, const json_t *object, const char *session_namespace,
                      struct dependent *dependent, struct error *err)
{
        const json_t *metadata = json_object_get(object, "metadata");
        const json_t *labels = json_object_get(metadata, "labels");
        const char *name = json_text_at(metadata, "name");
        const char *uid = json_text_at(metadata, "uid");
        bool binding = kind != DEPENDENT_SERVICE_ACCOUNT;

        if (name == NULL || strlen(name) > LIMIT_KUBE_NAME || uid == NULL)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "a %s without uid, or without a name that can be read",
                                 kinds[kind].name);
        dependent_clear(dependent);
        *dependent = (struct dependent){
                .kind = kind,
                .plain = binding || !json_bool_at(object, "automountServiceAccountToken", true),
                .foreign = binding && is_foreign(object, session_namespace),
                .ending = json_object_get(metadata, "deletionTimestamp") != NULL,
                .namespace_name = copy_text(json_text_at(metadata, "namespace")),
                .name = copy_text(name),
                .uid = copy_text(uid),
                .resource_version = copy_text(json_text_at(metadata, "resourceVersion")),
                .signin_uid =
                        copy_text(json_string_value(json_object_get(labels, SIGNIN_UID_LABEL))),
                .role = copy_name(binding ? read_role(object) : ""),
                .subject = copy_name(binding ? read_subject(object, session_namespace) : ""),
        };
        return true;
}

static bool binding_is_as_made(const struct dependent *dependent, const struct signin *signin)
{
        scoped_free char *name = dependent_binding_name(signin);

        return strcmp(dependent->name, name) == 0 &&
               strcmp(dependent->role, signin->spec.role) == 0 &&
               strcmp(dependent->subject, signin->name) == 0;
}

bool dependent_is_as_made(const struct dependent *dependent, const struct signin *signin)
{
        const struct text_list *namespaces = &signin->spec.namespaces;

        if (strcmp(dependent->signin_uid, signin->uid) != 0)
                return false;
        switch (dependent->kind) {
        case DEPENDENT_SERVICE_ACCOUNT:
                return dependent->plain && strcmp(dependent->name, signin->name) == 0;
        case DEPENDENT_CLUSTER_BINDING:
                return namespaces->count == 0 && binding_is_as_made(dependent, signin);
        case DEPENDENT_BINDING:
                return text_list_has(namespaces, dependent->namespace_name) &&
                       binding_is_as_made(dependent, signin);
        case DEPENDENT_KINDS:
        default:
                return false;
        }
}

/* A name that does not follow from the spec says that this is not the one they were made from. */
static bool may_be_bound_in(const struct signin *signin, const char *namespace_name)
{
        return text_list_has(&signin->spec.namespaces, namespace_name) ||
               !signin_name_is_ours(signin);
}

bool dependent_is_own(const struct dependent *dependent, const struct signin *signin,
                      const char *binding_name)
{
        switch (dependent->kind) {
        case DEPENDENT_SERVICE_ACCOUNT:
                return strcmp(dependent->name, signin->name) == 0;
        case DEPENDENT_CLUSTER_BINDING:
                return strcmp(dependent->name, binding_name) == 0;
        case DEPENDENT_BINDING:
                return strcmp(dependent->name, binding_name) == 0 &&
                       may_be_bound_in(signin, dependent->namespace_name);
        case DEPENDENT_KINDS:
        default:
                return false;
        }
}

bool dependent_is_right(const struct dependent *dependent, const struct signin *signin, bool gone)
{
        if (dependent->kind == DEPENDENT_SERVICE_ACCOUNT)
                return false;
        if (signin == NULL)
                return !dependent->foreign && !dependent->ending;

        scoped_free char *binding_name = dependent_binding_name(signin);
        return dependent_is_own(dependent, signin, binding_name) && !(dependent->ending && gone);
}

const struct kube_resource *dependent_resource(enum dependent_kind kind)
{
        return &kinds[kind].resource;
}

const char *dependent_kind_name(enum dependent_kind kind)
{
        return kinds[kind].name;
}

char *dependent_path(enum dependent_kind kind, const char *namespace_name, const char *name)
{
        bool namespaced = kind != DEPENDENT_CLUSTER_BINDING && namespace_name != NULL &&
                          *namespace_name != '\0';

        return kube_path(&kinds[kind].resource, namespaced ? namespace_name : NULL, name, NULL);
}

char *dependent_binding_name(const struct signin *signin)
{
        return xasprintf("%s.%s", signin->name, signin->namespace_name);
}
