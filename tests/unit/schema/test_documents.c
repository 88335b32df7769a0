/* The documents and the C tables say the same: names, types, what is required, bounds. */
#include "tests/unit/test.h"

#include "lib/file.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/yaml.h"
#include "schema/access.h"
#include "schema/capability.h"
#include "schema/cluster_info.h"
#include "schema/exec_credential.h"
#include "schema/login.h"
#include "schema/signin.h"

#define DOCUMENT_BYTES (1 << 20)

/* JSON is YAML as well. The caller's. */
static json_t *read_document(const char *path)
{
        scoped(buf_clear) struct buf text = { 0 };
        json_t *document = NULL;
        struct error err = { 0 };

        buf_init(&text, DOCUMENT_BYTES);
        assert_ok(file_read(path, &text, &err));
        assert_ok(yaml_parse(buf_text(&text), text.length, &document, &err));
        return document;
}

static const struct json_field *find_row(const struct json_field *rows, size_t count,
                                         const char *name)
{
        for (size_t i = 0; i < count; i++)
                if (!strcmp(rows[i].name, name))
                        return &rows[i];
        return NULL;
}

static bool array_has(const json_t *array, const char *text)
{
        for (size_t i = 0; i < json_array_size(array); i++)
                if (!strcmp(json_string_value(json_array_get(array, i)), text))
                        return true;
        return false;
}

static const char *type_of(const struct json_field *row)
{
        static const char *const types[] = {
                [JSON_KIND_TEXT] = "string",     [JSON_KIND_BOOL] = "boolean",
                [JSON_KIND_INTEGER] = "integer", [JSON_KIND_TEXT_LIST] = "array",
                [JSON_KIND_SECRET] = "string",   [JSON_KIND_JSON] = "object",
        };

        return types[row->kind];
}

static const char *bound_of(const struct json_field *row)
{
        static const char *const bounds[] = {
                [JSON_KIND_TEXT] = "maxLength",   [JSON_KIND_BOOL] = NULL,
                [JSON_KIND_INTEGER] = NULL,       [JSON_KIND_TEXT_LIST] = "maxItems",
                [JSON_KIND_SECRET] = "maxLength", [JSON_KIND_JSON] = "maxProperties",
        };

        return bounds[row->kind];
}

/* A row without a limit of its own reads whatever the document admits. */
static void compare_bound(const json_t *property, const struct json_field *row)
{
        if (!bound_of(row))
                return;
        int64_t bound = json_integer_at(property, bound_of(row), -1);
        if (row->limit && (int64_t)row->limit != bound)
                fail_msg("%s: %s is %d, the table says %zu", row->name, bound_of(row), (int)bound,
                         row->limit);
        if (bound < 0 || bound > LIMIT_JSON_TEXT)
                fail_msg("%s: %s is missing or too much", row->name, bound_of(row));
}

static void compare_row(const json_t *schema, const struct json_field *row)
{
        const json_t *properties = json_object_get(schema, "properties");
        const json_t *property = json_object_get(properties, row->name);
        const char *type = json_text_at(property, "type");

        if (!property)
                fail_msg("%s is not in the document", row->name);
        if (!type || strcmp(type, type_of(row)) != 0)
                fail_msg("%s is no %s in the document", row->name, type_of(row));
        if (array_has(json_object_get(schema, "required"), row->name) != row->required)
                fail_msg("%s: required in one of the two alone", row->name);
        if (row->kind == JSON_KIND_TEXT_LIST) {
                assert_string_equal(json_text_at(property, "items.type"), "string");
                assert_true(json_integer_at(property, "items.maxLength", 0) > 0);
        }
        compare_bound(property, row);
}

/* beside: properties of the document that are read elsewhere, or NULL. */
static void compare(const json_t *schema, size_t (*table)(const struct json_field **table),
                    const json_t *beside)
{
        const struct json_field *rows = NULL;
        size_t count = table(&rows);
        json_t *properties = json_object_get(schema, "properties");
        const char *name = NULL;
        json_t *property = NULL;

        assert_non_null(properties);
        json_object_foreach(properties, name, property)
        {
                if (!find_row(rows, count, name) && !array_has(beside, name))
                        fail_msg("%s is in the document alone", name);
        }
        for (size_t i = 0; i < count; i++)
                compare_row(schema, &rows[i]);
}

static json_t *only_version(const json_t *crd)
{
        const json_t *versions = json_at(crd, "spec.versions");

        assert_int_equal(json_array_size(versions), 1);
        return json_array_get(versions, 0);
}

static json_t *crd_schema(const json_t *crd, const char *path)
{
        json_t *found =
                json_at(json_at(only_version(crd), "schema.openAPIV3Schema.properties"), path);

        assert_non_null(found);
        return found;
}

TEST(the_crd_has_the_fields_that_signin_reads)
{
        json_auto_t *crd = read_document("schema/crd/tkasignins.yaml");
        json_auto_t *status = json_pack("[s,s]", "serviceAccount", "conditions");
        json_auto_t *condition = json_pack("[s,s]", "type", "observedGeneration");

        compare(crd_schema(crd, "spec"), signin_spec_fields, NULL);
        compare(crd_schema(crd, "status"), signin_status_fields, status);
        compare(crd_schema(crd, "status.properties.serviceAccount"), signin_account_fields, NULL);
        compare(crd_schema(crd, "status.properties.conditions.items"), signin_condition_fields,
                condition);
        assert_int_equal(json_integer_at(crd_schema(crd, "spec"),
                                         "properties.namespaces.items.maxLength", 0),
                         LIMIT_NAMESPACE);
}

TEST(the_crd_has_the_names_that_signin_uses)
{
        json_auto_t *crd = read_document("schema/crd/tkasignins.yaml");
        scoped_free char *name = xasprintf("%s.%s", signin_resource()->plural, SIGNIN_GROUP);

        assert_string_equal(json_text_at(crd, "metadata.name"), name);
        assert_string_equal(json_text_at(crd, "spec.group"), SIGNIN_GROUP);
        assert_string_equal(json_text_at(crd, "spec.names.plural"), signin_resource()->plural);
        assert_string_equal(json_text_at(crd, "spec.names.kind"), "TkaSignin");
        assert_true(array_has(json_at(crd, "spec.names.shortNames"), "signin"));
        assert_string_equal(json_text_at(only_version(crd), "name"), signin_resource()->version);
        assert_non_null(json_at(only_version(crd), "subresources.status"));
        assert_true(
                array_has(json_at(only_version(crd), "schema.openAPIV3Schema.required"), "spec"));
}

static bool has_rule(const json_t *rules, const char *text)
{
        for (size_t i = 0; i < json_array_size(rules); i++)
                if (!strcmp(json_text_at(json_array_get(rules, i), "rule"), text))
                        return true;
        return false;
}

/* Every field that goes into the name, and who may judge: a change would be another session. */
TEST(the_crd_lets_no_session_become_another)
{
        static const char *const required[] = { "username", "role" };
        static const char *const optional[] = { "node_id", "user_id", "issuer", "namespaces" };
        json_auto_t *crd = read_document("schema/crd/tkasignins.yaml");
        const json_t *rules = json_object_get(crd_schema(crd, "spec"), "x-kubernetes-validations");

        for (size_t i = 0; i < ARRAY_LENGTH(required); i++) {
                scoped_free char *rule =
                        xasprintf("self.%s == oldSelf.%s", required[i], required[i]);
                assert_true(has_rule(rules, rule));
        }
        for (size_t i = 0; i < ARRAY_LENGTH(optional); i++) {
                const char *name = optional[i];
                scoped_free char *rule =
                        xasprintf("has(self.%s)==has(oldSelf.%s) && (!has(self.%s) || "
                                  "self.%s==oldSelf.%s)",
                                  name, name, name, name, name);
                assert_true(has_rule(rules, rule));
        }
}

static void assert_described(const json_t *schema, const char *name)
{
        json_t *properties = json_object_get(schema, "properties");
        const char *key = NULL;
        json_t *property = NULL;

        if (!json_text_at(schema, "description"))
                fail_msg("%s has no description", name);
        json_object_foreach(properties, key, property)
        {
                if (strcmp(key, "metadata") != 0)
                        assert_described(property, key);
        }
        if (json_at(schema, "items.properties"))
                assert_described(json_object_get(schema, "items"), name);
}

TEST(kubectl_explain_says_something_about_every_field)
{
        json_auto_t *crd = read_document("schema/crd/tkasignins.yaml");

        assert_described(json_at(only_version(crd), "schema.openAPIV3Schema"), "TkaSignin");
}

TEST(the_openapi_has_the_fields_that_go_over_the_wire)
{
        static const struct {
                const char *name;
                size_t (*table)(const struct json_field **table);
        } schemas[] = {
                { "LoginRequest",          login_request_fields           },
                { "Login",                 login_fields                   },
                { "ClusterInfo",           cluster_info_fields            },
                { "AccessRule",            access_rule_fields             },
                { "AccessSession",         access_session_fields          },
                { "ExecCredentialStatus",  exec_credential_status_fields  },
                { "ExecCredentialSession", exec_credential_session_fields },
        };
        json_auto_t *document = read_document("schema/openapi.yaml");
        const json_t *components = json_at(document, "components.schemas");

        for (size_t i = 0; i < ARRAY_LENGTH(schemas); i++)
                compare(json_object_get(components, schemas[i].name), schemas[i].table, NULL);

        json_auto_t *beside = json_pack("[s,s]", "rules", "sessions");
        compare(json_object_get(components, "Access"), access_fields, beside);
}

TEST(the_capability_schema_has_the_fields_of_a_rule_and_of_a_claim)
{
        json_auto_t *document = read_document("schema/capability.schema.json");
        const json_t *definitions = json_object_get(document, "$defs");
        const json_t *groups = json_at(definitions, "claim.properties.groups");

        compare(json_object_get(definitions, "rule"), rule_fields, NULL);
        assert_int_equal(json_integer_at(groups, "maxItems", 0), LIMIT_GROUPS);
        assert_int_equal(json_integer_at(groups, "items.maxLength", 0), LIMIT_GROUP);
}
