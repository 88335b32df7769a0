#include "schema/signin.h"

#include <stdlib.h>
#include <string.h>

#include "lib/duration.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/namespaces.h"

#define SPEC(member) offsetof(struct signin_spec, member)
#define STATUS(member) offsetof(struct signin_status, member)

/* No limit of a text but the reader's own: the API server holds them to the document's, which
 * counts characters, and what it has taken must not be unreadable. */
static const struct json_field spec_fields[] = {
        { "username",        JSON_KIND_TEXT,      SPEC(username),        true,  0                },
        { "role",            JSON_KIND_TEXT,      SPEC(role),            true,  0                },
        { "validity_period", JSON_KIND_TEXT,      SPEC(validity_period), true,  0                },
        { "requested_at",    JSON_KIND_TEXT,      SPEC(requested_at),    false, 0                },
        { "node",            JSON_KIND_TEXT,      SPEC(node),            false, 0                },
        { "node_id",         JSON_KIND_TEXT,      SPEC(node_id),         false, 0                },
        { "user_id",         JSON_KIND_TEXT,      SPEC(user_id),         false, 0                },
        { "issuer",          JSON_KIND_TEXT,      SPEC(issuer),          false, 0                },
        { "reason",          JSON_KIND_TEXT,      SPEC(reason),          false, 0                },
        { "namespaces",      JSON_KIND_TEXT_LIST, SPEC(namespaces),      false, LIMIT_NAMESPACES },
};

static const struct json_field status_fields[] = {
        { "provisioned",        JSON_KIND_BOOL,    STATUS(provisioned),         false, 0 },
        { "signed_in",          JSON_KIND_TEXT,    STATUS(signed_in),           false, 0 },
        { "valid_until",        JSON_KIND_TEXT,    STATUS(valid_until),         false, 0 },
        { "observedGeneration", JSON_KIND_INTEGER, STATUS(observed_generation), false, 0 },
};

static const struct json_field account_fields[] = {
        { "name", JSON_KIND_TEXT, STATUS(service_account_name), false, 0 },
        { "uid",  JSON_KIND_TEXT, STATUS(service_account_uid),  false, 0 },
};

static const struct json_field condition_fields[] = {
        { "status",             JSON_KIND_TEXT, STATUS(ready),            true, 0 },
        { "reason",             JSON_KIND_TEXT, STATUS(ready_reason),     true, 0 },
        { "message",            JSON_KIND_TEXT, STATUS(ready_message),    true, 0 },
        { "lastTransitionTime", JSON_KIND_TEXT, STATUS(ready_changed_at), true, 0 },
};

/* Of the spec: whose session it is. */
static const size_t owner_members[] = {
        SPEC(username), SPEC(role), SPEC(node_id), SPEC(user_id), SPEC(issuer), SPEC(namespaces),
};

/* Where struct signin_status owns texts, wherever they stand in the document. */
static const size_t status_texts[] = {
        STATUS(signed_in),
        STATUS(valid_until),
        STATUS(service_account_name),
        STATUS(service_account_uid),
        STATUS(ready),
        STATUS(ready_reason),
        STATUS(ready_message),
        STATUS(ready_changed_at),
};

static const size_t head_texts[] = {
        offsetof(struct signin, name),
        offsetof(struct signin, namespace_name),
        offsetof(struct signin, uid),
        offsetof(struct signin, resource_version),
};

const struct kube_resource *signin_resource(void)
{
        static const struct kube_resource resource = { SIGNIN_GROUP, "v1alpha1", "tkasignins" };

        return &resource;
}

size_t signin_spec_fields(const struct json_field **table)
{
        *table = spec_fields;
        return ARRAY_LENGTH(spec_fields);
}

size_t signin_status_fields(const struct json_field **table)
{
        *table = status_fields;
        return ARRAY_LENGTH(status_fields);
}

size_t signin_account_fields(const struct json_field **table)
{
        *table = account_fields;
        return ARRAY_LENGTH(account_fields);
}

size_t signin_condition_fields(const struct json_field **table)
{
        *table = condition_fields;
        return ARRAY_LENGTH(condition_fields);
}

static char **text_at(void *record, size_t offset)
{
        return (char **)((char *)record + offset);
}

static void clear_texts(void *record, const size_t *offsets, size_t count)
{
        for (size_t i = 0; i < count; i++)
                free(*text_at(record, offsets[i]));
}

/* The record is a shallow copy: gives it texts of its own. */
static void copy_texts(void *record, const size_t *offsets, size_t count)
{
        for (size_t i = 0; i < count; i++)
                *text_at(record, offsets[i]) = xstrdup(*text_at(record, offsets[i]));
}

void signin_spec_clear(struct signin_spec *spec)
{
        json_fields_clear(spec_fields, ARRAY_LENGTH(spec_fields), spec);
}

void signin_status_clear(struct signin_status *status)
{
        clear_texts(status, status_texts, ARRAY_LENGTH(status_texts));
        *status = (struct signin_status){ 0 };
}

void signin_clear(struct signin *signin)
{
        clear_texts(signin, head_texts, ARRAY_LENGTH(head_texts));
        signin_spec_clear(&signin->spec);
        signin_status_clear(&signin->status);
        *signin = (struct signin){ 0 };
}

static void copy_spec(struct signin_spec *copy, const struct signin_spec *spec)
{
        *copy = *spec;
        copy->namespaces = (struct text_list){ 0 };
        text_list_add_all(&copy->namespaces, &spec->namespaces);
        for (size_t i = 0; i < ARRAY_LENGTH(spec_fields); i++)
                if (spec_fields[i].kind == JSON_KIND_TEXT)
                        copy_texts(copy, &spec_fields[i].offset, 1);
}

void signin_copy(struct signin *copy, const struct signin *signin)
{
        *copy = *signin;
        copy_texts(copy, head_texts, ARRAY_LENGTH(head_texts));
        copy_texts(&copy->status, status_texts, ARRAY_LENGTH(status_texts));
        copy_spec(&copy->spec, &signin->spec);
}

static bool read_time(const json_t *metadata, const char *key, int64_t *seconds, struct error *err)
{
        const char *text = json_text_at(metadata, key);

        if (!text)
                return true;
        return timestamp_parse(text, seconds, err) || error_wrap(err, "\"metadata.%s\"", key);
}

static bool has_our_finalizer(const json_t *metadata)
{
        json_t *finalizers = json_object_get(metadata, "finalizers");
        json_t *item = NULL;
        size_t i = 0;

        json_array_foreach(finalizers, i, item)
        {
                const char *text = json_string_value(item);
                if (text && !strcmp(text, SIGNIN_FINALIZER))
                        return true;
        }
        return false;
}

static bool read_metadata(const json_t *object, struct signin *signin, struct error *err)
{
        const json_t *metadata = json_object_get(object, "metadata");
        const char *name = json_text_at(metadata, "name");

        if (!name || !*name)
                return error_set(err, ERROR_INVALID, "\"metadata.name\" is missing");
        signin->name = xstrdup(name);
        signin->namespace_name = xstrdup(json_text_at(metadata, "namespace"));
        signin->uid = xstrdup(json_text_at(metadata, "uid"));
        signin->resource_version = xstrdup(json_text_at(metadata, "resourceVersion"));
        signin->generation = json_integer_at(metadata, "generation", 0);
        signin->has_finalizer = has_our_finalizer(metadata);
        return read_time(metadata, "creationTimestamp", &signin->created_at, err) &&
               read_time(metadata, "deletionTimestamp", &signin->deletion_at, err);
}

static const json_t *find_ready(const json_t *status)
{
        json_t *conditions = json_object_get(status, "conditions");
        json_t *condition = NULL;
        size_t i = 0;

        json_array_foreach(conditions, i, condition)
        {
                const char *type = json_text_at(condition, "type");
                if (type && !strcmp(type, "Ready"))
                        return condition;
        }
        return NULL;
}

/* The existing TKA writes "" where nothing is known yet. */
static void drop_empty(char **text)
{
        if (*text && !**text) {
                free(*text);
                *text = NULL;
        }
}

static bool read_status(const json_t *object, struct signin_status *record, struct error *err)
{
        const json_t *status = json_object_get(object, "status");
        const json_t *account = json_object_get(status, "serviceAccount");
        const json_t *ready = find_ready(status);

        if (!json_is_object(status))
                return true;
        if (!json_fields_read(status, status_fields, ARRAY_LENGTH(status_fields), record, err))
                return false;
        if (account &&
            !json_fields_read(account, account_fields, ARRAY_LENGTH(account_fields), record, err))
                return error_wrap(err, "\"serviceAccount\"");
        if (ready &&
            !json_fields_read(ready, condition_fields, ARRAY_LENGTH(condition_fields), record, err))
                return error_wrap(err, "condition \"Ready\"");
        for (size_t i = 0; i < ARRAY_LENGTH(status_texts); i++)
                drop_empty(text_at(record, status_texts[i]));
        return true;
}

bool signin_decode(const json_t *object, struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin read = { 0 };

        if (!read_metadata(object, &read, err))
                return error_wrap(err, "TkaSignin");
        if (!json_fields_read(json_object_get(object, "spec"), spec_fields,
                              ARRAY_LENGTH(spec_fields), &read.spec, err))
                return error_wrap(err, "TkaSignin %s: \"spec\"", read.name);
        if (!read_status(object, &read.status, err))
                return error_wrap(err, "TkaSignin %s: \"status\"", read.name);
        signin_clear(signin);
        *signin = read;
        read = (struct signin){ 0 };
        return true;
}

bool signin_decode_head(const json_t *object, struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin read = { 0 };

        if (!read_metadata(object, &read, err))
                return error_wrap(err, "TkaSignin");
        signin_clear(signin);
        *signin = read;
        read = (struct signin){ 0 };
        return true;
}

static const struct json_field *find_spec_field(size_t offset)
{
        const struct json_field *field = spec_fields;

        while (field->offset != offset)
                field++;
        return field;
}

bool signin_decode_owner(const json_t *object, struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin read = { 0 };
        const json_t *spec = json_object_get(object, "spec");

        if (!signin_decode_head(object, &read, err))
                return false;
        for (size_t i = 0; i < ARRAY_LENGTH(owner_members); i++) {
                const struct json_field *field = find_spec_field(owner_members[i]);

                if (!json_fields_read(spec, field, 1, &read.spec, err) && field->required)
                        return error_wrap(err, "TkaSignin %s: \"spec\"", read.name);
        }
        signin_clear(signin);
        *signin = read;
        read = (struct signin){ 0 };
        return true;
}

static json_t *new_object(const char *namespace_name, const char *name, json_t *metadata)
{
        json_t *object = json_object();

        json_set_text(object, "apiVersion", SIGNIN_API_VERSION);
        json_set_text(object, "kind", "TkaSignin");
        json_set_text(metadata, "name", name);
        json_set_text(metadata, "namespace", namespace_name);
        json_object_set_new(object, "metadata", metadata);
        return object;
}

json_t *signin_encode(const char *namespace_name, const char *name, const struct signin_spec *spec)
{
        json_t *metadata = json_object();
        json_t *annotations = json_object();
        json_t *object = new_object(namespace_name, name, metadata);

        json_set_text(annotations, SIGNIN_LOGIN_ANNOTATION, spec->username);
        json_set_text(annotations, SIGNIN_NODE_ANNOTATION, spec->node ? spec->node : spec->node_id);
        json_object_set_new(metadata, "finalizers", json_pack("[s]", SIGNIN_FINALIZER));
        json_object_set_new(metadata, "annotations", annotations);
        json_object_set_new(object, "spec",
                            json_fields_write(spec_fields, ARRAY_LENGTH(spec_fields), spec));
        return object;
}

static json_t *write_ready(const struct signin_status *status)
{
        json_t *condition =
                json_fields_write(condition_fields, ARRAY_LENGTH(condition_fields), status);

        json_set_text(condition, "type", "Ready");
        json_object_set_new(condition, "observedGeneration",
                            json_integer(status->observed_generation));
        if (!status->ready_message)
                json_set_text(condition, "message", "");
        return condition;
}

json_t *signin_encode_status(const struct signin *signin, const struct signin_status *status)
{
        json_t *metadata = json_object();
        json_t *object = new_object(signin->namespace_name, signin->name, metadata);
        json_t *written = json_fields_write(status_fields, ARRAY_LENGTH(status_fields), status);

        json_set_text(metadata, "uid", signin->uid);
        if (status->service_account_name)
                json_object_set_new(
                        written, "serviceAccount",
                        json_fields_write(account_fields, ARRAY_LENGTH(account_fields), status));
        if (status->ready)
                json_object_set_new(written, "conditions", json_pack("[o]", write_ready(status)));
        json_object_set_new(object, "status", written);
        return object;
}

bool signin_ends_at(const struct signin *signin, int64_t *ends, struct error *err)
{
        const struct signin_spec *spec = &signin->spec;
        int64_t begins = signin->created_at;
        int64_t period_seconds = 0;

        if (!spec->validity_period)
                return error_set(err, ERROR_INVALID, "\"validity_period\" is missing");
        if (!duration_parse_seconds(spec->validity_period, &period_seconds, err))
                return error_wrap(err, "\"validity_period\"");
        if (period_seconds < 1)
                return error_set(err, ERROR_INVALID,
                                 "\"validity_period\": \"%s\" is less than a second",
                                 spec->validity_period);
        if (spec->requested_at && !timestamp_parse(spec->requested_at, &begins, err))
                return error_wrap(err, "\"requested_at\"");
        if (!begins)
                return error_set(err, ERROR_INVALID,
                                 "neither \"requested_at\" nor a creation time is there");
        *ends = begins + period_seconds;
        return true;
}
