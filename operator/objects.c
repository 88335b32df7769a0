#include "operator/objects.h"

#include "lib/json.h"
#include "lib/memory.h"
#include "operator/dependent.h"
#include "schema/signin.h"

/* Name, the label that says whose it is, and who that is in words. */
static json_t *new_metadata(const struct signin *signin, const char *namespace_name,
                            const char *name)
{
        const struct signin_spec *spec = &signin->spec;
        const char *node = spec->node != NULL ? spec->node : spec->node_id;
        json_t *metadata = json_object();
        json_t *labels = json_object();
        json_t *annotations = json_object();

        json_object_set_new(metadata, "name", json_text(name));
        if (*namespace_name != '\0')
                json_object_set_new(metadata, "namespace", json_text(namespace_name));
        json_object_set_new(labels, SIGNIN_UID_LABEL, json_text(signin->uid));
        json_object_set_new(annotations, SIGNIN_LOGIN_ANNOTATION, json_text(spec->username));
        if (node != NULL)
                json_object_set_new(annotations, SIGNIN_NODE_ANNOTATION, json_text(node));
        json_object_set_new(metadata, "labels", labels);
        json_object_set_new(metadata, "annotations", annotations);
        return metadata;
}

/* The garbage collector's second chance, should somebody take our finalizer off. It blocks nobody
 * from deleting the owner. */
static json_t *new_owner(const struct signin *signin)
{
        return json_pack("[{s:s, s:s, s:s, s:s, s:b, s:b}]", "apiVersion", SIGNIN_API_VERSION,
                         "kind", "TkaSignin", "name", signin->name, "uid", signin->uid,
                         "controller", 0, "blockOwnerDeletion", 0);
}

json_t *objects_service_account(const struct signin *signin)
{
        json_t *metadata = new_metadata(signin, signin->namespace_name, signin->name);

        json_object_set_new(metadata, "ownerReferences", new_owner(signin));
        return json_pack("{s:s, s:s, s:o, s:b}", "apiVersion", "v1", "kind", "ServiceAccount",
                         "metadata", metadata, "automountServiceAccountToken", 0);
}

json_t *objects_binding(const struct signin *signin, const char *namespace_name)
{
        scoped_free char *name = dependent_binding_name(signin);
        enum dependent_kind kind =
                *namespace_name == '\0' ? DEPENDENT_CLUSTER_BINDING : DEPENDENT_BINDING;

        return json_pack("{s:s, s:s, s:o, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}", "apiVersion",
                         "rbac.authorization.k8s.io/v1", "kind", dependent_kind_name(kind),
                         "metadata", new_metadata(signin, namespace_name, name), "roleRef",
                         "apiGroup", "rbac.authorization.k8s.io", "kind", "ClusterRole", "name",
                         signin->spec.role, "subjects", "kind", "ServiceAccount", "name",
                         signin->name, "namespace", signin->namespace_name);
}
