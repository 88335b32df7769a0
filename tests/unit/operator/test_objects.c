#include "tests/unit/test.h"

#include "lib/json.h"
#include "lib/memory.h"
#include "operator/dependent.h"
#include "operator/objects.h"
#include "schema/signin.h"

/* Never freed: its texts are ours. */
static struct signin sample(void)
{
        static char name[] = "tka-user-alice-0123456789abcdef";
        static char session_namespace[] = "tka";
        static char uid[] = "uid-1";
        static char login[] = "alice@example.com";
        static char role[] = "view";
        static char node[] = "laptop";

        return (struct signin){
                .name = name,
                .namespace_name = session_namespace,
                .uid = uid,
                .spec = { .username = login, .role = role, .node = node },
        };
}

static json_t *answered(json_t *object)
{
        json_object_set_new(json_object_get(object, "metadata"), "uid", json_string("made-1"));
        json_object_set_new(json_object_get(object, "metadata"), "resourceVersion",
                            json_string("7"));
        return object;
}

TEST(makes_an_account_that_mounts_no_token_and_says_whose_it_is)
{
        struct signin signin = sample();
        json_auto_t *object = objects_service_account(&signin);
        json_t *metadata = json_object_get(object, "metadata");

        assert_string_equal(json_text_at(object, "kind"), "ServiceAccount");
        assert_string_equal(json_text_at(metadata, "name"), signin.name);
        assert_string_equal(json_text_at(metadata, "namespace"), "tka");
        assert_false(json_bool_at(object, "automountServiceAccountToken", true));
        assert_string_equal(json_string_value(json_object_get(json_object_get(metadata, "labels"),
                                                              SIGNIN_UID_LABEL)),
                            "uid-1");
        assert_string_equal(
                json_string_value(json_object_get(json_object_get(metadata, "annotations"),
                                                  SIGNIN_LOGIN_ANNOTATION)),
                "alice@example.com");
        assert_string_equal(
                json_string_value(json_object_get(json_object_get(metadata, "annotations"),
                                                  SIGNIN_NODE_ANNOTATION)),
                "laptop");
}

TEST(makes_a_cluster_binding_without_an_owner)
{
        struct signin signin = sample();
        json_auto_t *object = objects_binding(&signin, "");
        const json_t *subjects = json_object_get(object, "subjects");

        assert_string_equal(json_text_at(object, "kind"), "ClusterRoleBinding");
        assert_string_equal(json_text_at(object, "metadata.name"),
                            "tka-user-alice-0123456789abcdef.tka");
        assert_null(json_at(object, "metadata.namespace"));
        assert_null(json_at(object, "metadata.ownerReferences"));
        assert_string_equal(json_text_at(object, "roleRef.name"), "view");
        assert_int_equal(json_array_size(subjects), 1);
        assert_string_equal(json_text_at(json_array_get(subjects, 0), "name"), signin.name);
        assert_string_equal(json_text_at(json_array_get(subjects, 0), "namespace"), "tka");
}

TEST(makes_a_namespaced_binding_without_an_owner)
{
        struct signin signin = sample();
        json_auto_t *object = objects_binding(&signin, "shop");

        assert_string_equal(json_text_at(object, "kind"), "RoleBinding");
        assert_string_equal(json_text_at(object, "metadata.namespace"), "shop");
        assert_null(json_at(object, "metadata.ownerReferences"));
}

TEST(knows_what_it_made)
{
        struct signin signin = sample();
        struct error err = { 0 };
        json_auto_t *account = answered(objects_service_account(&signin));
        json_auto_t *binding = answered(objects_binding(&signin, ""));
        scoped(dependent_clear) struct dependent one = { 0 };
        scoped(dependent_clear) struct dependent other = { 0 };

        assert_ok(dependent_decode(DEPENDENT_SERVICE_ACCOUNT, account, "tka", &one, &err));
        assert_ok(dependent_decode(DEPENDENT_CLUSTER_BINDING, binding, "tka", &other, &err));
        assert_true(dependent_is_as_made(&one, &signin));
        assert_true(dependent_is_as_made(&other, &signin));
}

TEST(notices_every_edit_of_a_binding)
{
        static const char *const edits[] = {
                "{\"subjects\":[]}",
                "{\"subjects\":null}",
                "{\"subjects\":[{\"kind\":\"User\",\"name\":\"eve\"}]}",
                "{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":\"eve\",\"namespace\":"
                "\"tka\"}]}",
                "{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":"
                "\"tka-user-alice-0123456789abcdef\",\"namespace\":\"other\"}]}",
                "{\"subjects\":[{\"kind\":\"ServiceAccount\",\"name\":"
                "\"tka-user-alice-0123456789abcdef\",\"namespace\":\"tka\"},"
                "{\"kind\":\"User\",\"name\":\"eve\"}]}",
                "{\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"ClusterRole\","
                "\"name\":\"cluster-admin\"}}",
                "{\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\","
                "\"name\":\"view\"}}",
                "{\"metadata\":{\"name\":\"tka-user-alice-0123456789abcdef.tka\",\"uid\":\"x\"}"
                "}",
        };
        struct signin signin = sample();

        for (size_t i = 0; i < ARRAY_LENGTH(edits); i++) {
                struct error err = { 0 };
                json_auto_t *binding = answered(objects_binding(&signin, ""));
                json_auto_t *edit = json_loads(edits[i], 0, NULL);
                scoped(dependent_clear) struct dependent dependent = { 0 };

                json_object_update(binding, edit);
                assert_ok(dependent_decode(DEPENDENT_CLUSTER_BINDING, binding, "tka", &dependent,
                                           &err));
                assert_false(dependent_is_as_made(&dependent, &signin));
        }
}

/* Its sweep and ours look at the same labels in the same cluster. */
TEST(knows_the_bindings_of_another_installation)
{
        static const struct {
                const char *name, *subject_namespace;
                bool foreign;
        } cases[] = {
                { "tka-user-alice-0123456789abcdef.tka",   "tka",   false },
                { "tka-user-alice-0123456789abcdef.tka",   "other", false },
                { "tka-user-alice-0123456789abcdef.other", "other", true  },
                { "tka-user-alice-0123456789abcdef.other", "tka",   true  },
                { "tka-user-alice-0123456789abcdef.tka-2", "tka",   true  },
                { "no-dot",                                "tka",   false },
                { "no-dot",                                "other", true  },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct error err = { 0 };
                scoped(dependent_clear) struct dependent dependent = { 0 };
                json_auto_t *object = json_pack(
                        "{s:{s:s, s:s}, s:[{s:s, s:s, s:s}]}", "metadata", "name", cases[i].name,
                        "uid", "u", "subjects", "kind", "ServiceAccount", "name",
                        "tka-user-alice-0123456789abcdef", "namespace", cases[i].subject_namespace);

                assert_ok(dependent_decode(DEPENDENT_CLUSTER_BINDING, object, "tka", &dependent,
                                           &err));
                assert_int_equal(dependent.foreign, cases[i].foreign);
        }
}

TEST(notices_an_account_that_mounts_its_token)
{
        struct signin signin = sample();
        struct error err = { 0 };
        json_auto_t *account = answered(objects_service_account(&signin));
        scoped(dependent_clear) struct dependent dependent = { 0 };

        json_object_del(account, "automountServiceAccountToken");
        assert_ok(dependent_decode(DEPENDENT_SERVICE_ACCOUNT, account, "tka", &dependent, &err));
        assert_false(dependent_is_as_made(&dependent, &signin));
}

TEST(refuses_an_object_without_uid_and_leaves_the_output_alone)
{
        struct error err = { 0 };
        json_auto_t *object = json_pack("{s:{s:s}}", "metadata", "name", "x");
        struct dependent dependent = { .ending = true };

        assert_fails(dependent_decode(DEPENDENT_BINDING, object, "tka", &dependent, &err),
                     ERROR_UNAVAILABLE, "RoleBinding without uid");
        assert_true(dependent.ending);
        assert_null(dependent.name);
}

TEST(asks_for_bindings_of_all_namespaces_and_for_one)
{
        scoped_free char *all = dependent_path(DEPENDENT_BINDING, NULL, NULL);
        scoped_free char *one = dependent_path(DEPENDENT_BINDING, "shop", "x.tka");
        scoped_free char *cluster = dependent_path(DEPENDENT_CLUSTER_BINDING, "", "x.tka");

        assert_string_equal(all, "/apis/rbac.authorization.k8s.io/v1/rolebindings");
        assert_string_equal(
                one, "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/x.tka");
        assert_string_equal(cluster,
                            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/x.tka");
}
