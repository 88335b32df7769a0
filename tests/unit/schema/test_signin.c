#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/memory.h"
#include "schema/signin.h"

#define FULL_SPEC \
        "{\"username\":\"alice@example.com\",\"role\":\"view\",\"validity_period\":\"1h0m0s\"," \
        "\"requested_at\":\"2026-11-22T09:12:13Z\",\"node\":\"laptop\",\"node_id\":\"n1\"," \
        "\"user_id\":\"42\",\"issuer\":\"tag:tka\",\"reason\":\"on call\"," \
        "\"namespaces\":[\"dev\",\"test\"]}"
#define FULL \
        "{\"apiVersion\":\"tka.specht-labs.de/v1alpha1\",\"kind\":\"TkaSignin\",\"metadata\":{" \
        "\"name\":\"tka-user-alice-0123456789abcdef\",\"namespace\":\"tka\",\"uid\":\"u1\"," \
        "\"resourceVersion\":\"77\",\"generation\":3," \
        "\"creationTimestamp\":\"2026-11-22T09:12:14Z\"," \
        "\"deletionTimestamp\":\"2026-11-22T10:12:14Z\"," \
        "\"finalizers\":[\"other.example/x\",\"tka.specht-labs.de/session\"]}," \
        "\"spec\":" FULL_SPEC ",\"status\":{\"provisioned\":true," \
        "\"signed_in\":\"2026-11-22T09:12:13Z\",\"valid_until\":\"2026-11-22T10:12:13Z\"," \
        "\"observedGeneration\":3,\"serviceAccount\":{\"name\":\"sa\",\"uid\":\"u2\"}," \
        "\"conditions\":[{\"type\":\"Other\",\"status\":\"False\"},{\"type\":\"Ready\"," \
        "\"status\":\"True\",\"reason\":\"Provisioned\",\"message\":\"\"," \
        "\"lastTransitionTime\":\"2026-11-22T09:12:13Z\",\"observedGeneration\":3}]}}"
#define WITH_SPEC(spec) "{\"metadata\":{\"name\":\"x\"},\"spec\":" spec "}"
#define WITH_STATUS(status) \
        "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"username\":\"a\",\"role\":\"r\"," \
        "\"validity_period\":\"1h\"},\"status\":" status "}"

static bool decode(const char *text, struct signin *signin, struct error *err)
{
        json_auto_t *object = NULL;

        return json_parse(text, strlen(text), &object, err) && signin_decode(object, signin, err);
}

TEST(reads_every_field_of_an_object)
{
        scoped(signin_clear) struct signin signin = { 0 };
        struct error err = { 0 };

        assert_ok(decode(FULL, &signin, &err));
        assert_string_equal(signin.name, "tka-user-alice-0123456789abcdef");
        assert_string_equal(signin.namespace_name, "tka");
        assert_string_equal(signin.uid, "u1");
        assert_string_equal(signin.resource_version, "77");
        assert_int_equal(signin.generation, 3);
        assert_int_equal(signin.created_at, 1795338734);
        assert_int_equal(signin.deletion_at, 1795338734 + 3600);
        assert_true(signin.has_finalizer);
        assert_string_equal(signin.spec.username, "alice@example.com");
        assert_string_equal(signin.spec.requested_at, "2026-11-22T09:12:13Z");
        assert_string_equal(signin.spec.node_id, "n1");
        assert_int_equal(signin.spec.namespaces.count, 2);
        assert_true(signin.status.provisioned);
        assert_int_equal(signin.status.observed_generation, 3);
        assert_string_equal(signin.status.service_account_uid, "u2");
        assert_string_equal(signin.status.ready, "True");
        assert_string_equal(signin.status.ready_reason, "Provisioned");
        assert_null(signin.status.ready_message);
}

TEST(reads_what_the_existing_tka_writes)
{
        scoped(signin_clear) struct signin signin = { 0 };
        struct error err = { 0 };

        assert_ok(decode(WITH_STATUS("{\"provisioned\":false,\"signed_in\":\"\","
                                     "\"valid_until\":\"\"}"),
                         &signin, &err));
        assert_false(signin.has_finalizer);
        assert_false(signin.status.provisioned);
        assert_null(signin.status.signed_in);
        assert_null(signin.status.valid_until);
        assert_null(signin.status.ready);
}

TEST(refuses_objects_that_are_none_and_keeps_the_old_one)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "[]",                                                                    "\"metadata.name\" is missing"       },
                { "{}",                                                                    "\"metadata.name\" is missing"       },
                { "{\"metadata\":{\"name\":\"\"}}",                                        "\"metadata.name\" is missing"       },
                { "{\"metadata\":{\"name\":\"x\"}}",                                       "\"spec\": a JSON object"            },
                { WITH_SPEC("{}"),                                                         "\"username\" is missing"            },
                { WITH_SPEC("{\"username\":\"a\",\"role\":7,\"validity_period\":\"1h\"}"),
                 "TkaSignin x: \"spec\": \"role\" has the wrong type"                                                           },
                { WITH_STATUS("{\"provisioned\":\"yes\"}"),                                "\"provisioned\" has the wrong type" },
                { WITH_STATUS("{\"serviceAccount\":[]}"),                                  "\"serviceAccount\""                 },
                { WITH_STATUS("{\"conditions\":[{\"type\":\"Ready\",\"status\":1}]}"),
                 "condition \"Ready\": \"status\" has the wrong type"                                                           },
                { "{\"metadata\":{\"name\":\"x\",\"deletionTimestamp\":\"soon\"}}",
                 "\"metadata.deletionTimestamp\""                                                                               },
        };
        struct signin signin = { .name = (char[]){ "sentinel" } };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                assert_fails(decode(cases[i].text, &signin, &err), ERROR_INVALID, cases[i].words);
                assert_string_equal(signin.name, "sentinel");
                assert_null(signin.spec.username);
        }
}

TEST(reads_every_text_that_the_document_admits_however_many_bytes_a_character_has)
{
        scoped(signin_clear) struct signin signin = { 0 };
        scoped(buf_clear) struct buf reason = { 0 };
        struct error err = { 0 };

        for (int i = 0; i < LIMIT_REASON; i++)
                buf_add(&reason, "\xf0\x9f\x92\xa9");
        scoped_free char *text = xasprintf(
                WITH_SPEC("{\"username\":\"a\",\"role\":\"view\",\"validity_period\":\"1h\","
                          "\"reason\":\"%s\"}"),
                buf_text(&reason));
        assert_ok(decode(text, &signin, &err));
        assert_string_equal(signin.spec.reason, buf_text(&reason));
}

TEST(reads_the_head_of_what_cannot_be_read)
{
        scoped(signin_clear) struct signin signin = { 0 };
        json_auto_t *object = NULL;
        struct error err = { 0 };

        assert_ok(json_parse_object(FULL, strlen(FULL), &object, &err));
        json_object_set_new(json_object_get(object, "spec"), "role", json_integer(7));
        assert_fails(signin_decode(object, &signin, &err), ERROR_INVALID, "\"role\"");
        assert_ok(signin_decode_head(object, &signin, &err));
        assert_string_equal(signin.name, "tka-user-alice-0123456789abcdef");
        assert_true(signin.has_finalizer);
        assert_int_equal(signin.generation, 3);
        assert_null(signin.spec.username);
        assert_null(signin.status.ready);
}

TEST(reads_whose_session_it_is_of_what_cannot_be_read)
{
        scoped(signin_clear) struct signin signin = { 0 };
        json_auto_t *object = NULL;
        struct error err = { 0 };

        assert_ok(json_parse_object(FULL, strlen(FULL), &object, &err));
        json_t *spec = json_object_get(object, "spec");
        json_object_set_new(spec, "reason", json_stringn("a\0b", 3));
        json_object_set_new(spec, "issuer", json_integer(7));
        assert_fails(signin_decode(object, &signin, &err), ERROR_INVALID, "\"issuer\"");
        assert_ok(signin_decode_owner(object, &signin, &err));
        assert_string_equal(signin.uid, "u1");
        assert_string_equal(signin.spec.username, "alice@example.com");
        assert_string_equal(signin.spec.node_id, "n1");
        assert_int_equal(signin.spec.namespaces.count, 2);
        assert_null(signin.spec.issuer);
        assert_null(signin.spec.reason);
        assert_null(signin.spec.validity_period);
        json_object_set_new(spec, "username", json_stringn("a\0b", 3));
        assert_fails(signin_decode_owner(object, &signin, &err), ERROR_INVALID, "\"username\"");
        assert_string_equal(signin.spec.username, "alice@example.com");
}

TEST(copies_deeply)
{
        scoped(signin_clear) struct signin copy = { 0 };
        struct signin signin = { 0 };
        struct error err = { 0 };

        assert_ok(decode(FULL, &signin, &err));
        signin_copy(&copy, &signin);
        assert_ptr_not_equal(copy.spec.reason, signin.spec.reason);
        signin_clear(&signin);
        assert_string_equal(copy.spec.reason, "on call");
        assert_string_equal(copy.spec.namespaces.items[1], "test");
        assert_string_equal(copy.status.service_account_name, "sa");
        assert_int_equal(copy.generation, 3);
}

TEST(writes_an_apply_that_carries_finalizer_and_annotations)
{
        scoped(signin_clear) struct signin signin = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *object = NULL;
        struct error err = { 0 };

        assert_ok(decode(FULL, &signin, &err));
        object = signin_encode("tka", "the-name", &signin.spec);
        json_print(object, &text);
        assert_string_equal(
                buf_text(&text),
                "{\"apiVersion\":\"tka.specht-labs.de/v1alpha1\",\"kind\":\"TkaSignin\","
                "\"metadata\":{\"name\":\"the-name\",\"namespace\":\"tka\","
                "\"finalizers\":[\"tka.specht-labs.de/session\"],\"annotations\":{"
                "\"tka.specht-labs.de/login\":\"alice@example.com\","
                "\"tka.specht-labs.de/node\":\"laptop\"}},\"spec\":" FULL_SPEC "}");
}

TEST(writes_a_status_for_that_very_object)
{
        scoped(signin_clear) struct signin signin = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *object = NULL;
        struct error err = { 0 };

        assert_ok(decode(FULL, &signin, &err));
        object = signin_encode_status(&signin, &signin.status);
        json_print(object, &text);
        assert_string_equal(
                buf_text(&text),
                "{\"apiVersion\":\"tka.specht-labs.de/v1alpha1\",\"kind\":\"TkaSignin\","
                "\"metadata\":{\"name\":\"tka-user-alice-0123456789abcdef\","
                "\"namespace\":\"tka\",\"uid\":\"u1\"},\"status\":{\"provisioned\":true,"
                "\"signed_in\":\"2026-11-22T09:12:13Z\",\"valid_until\":\"2026-11-22T10:12:13Z\","
                "\"observedGeneration\":3,\"serviceAccount\":{\"name\":\"sa\",\"uid\":\"u2\"},"
                "\"conditions\":[{\"status\":\"True\",\"reason\":\"Provisioned\","
                "\"lastTransitionTime\":\"2026-11-22T09:12:13Z\",\"type\":\"Ready\","
                "\"observedGeneration\":3,\"message\":\"\"}]}}");
}

TEST(leaves_out_of_a_status_what_is_not_known)
{
        const struct signin signin = { .name = (char[]){ "x" }, .uid = (char[]){ "u" } };
        const struct signin_status status = { 0 };
        json_auto_t *object = signin_encode_status(&signin, &status);

        assert_false(json_bool_at(object, "status.provisioned", true));
        assert_null(json_at(object, "status.conditions"));
        assert_null(json_at(object, "status.serviceAccount"));
        assert_null(json_at(object, "status.valid_until"));
}

static bool ends(const char *requested_at, int64_t created_at, const char *period, int64_t *at,
                 struct error *err)
{
        scoped(signin_clear) struct signin signin = {
                .created_at = created_at,
                .spec = { .requested_at = xstrdup(requested_at),
                         .validity_period = xstrdup(period) }
        };

        return signin_ends_at(&signin, at, err);
}

TEST(ends_a_period_after_the_request_or_else_after_the_creation)
{
        struct error err = { 0 };
        int64_t at = 0;

        assert_ok(ends("2026-11-22T09:12:13Z", 5, "1h30m", &at, &err));
        assert_int_equal(at, 1795338733 + 5400);
        assert_ok(ends(NULL, 1000, "10m0s", &at, &err));
        assert_int_equal(at, 1600);
        assert_ok(ends(NULL, 1000, "1.5s", &at, &err));
        assert_int_equal(at, 1001);
}

TEST(does_not_guess_an_end)
{
        static const struct {
                const char *requested_at, *period, *words;
                int64_t created_at;
        } cases[] = {
                { NULL,       NULL,  "\"validity_period\" is missing", 1000 },
                { NULL,       "",    "\"validity_period\"",            1000 },
                { NULL,       "1d",  "\"validity_period\"",            1000 },
                { NULL,       "0",   "less than a second",             1000 },
                { NULL,       "-1h", "less than a second",             1000 },
                { "tomorrow", "1h",  "\"requested_at\"",               1000 },
                { NULL,       "1h",  "neither",                        0    },
        };
        struct error err = { 0 };
        int64_t at = 77;

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                assert_fails(ends(cases[i].requested_at, cases[i].created_at, cases[i].period, &at,
                                  &err),
                             ERROR_INVALID, cases[i].words);
                assert_int_equal(at, 77);
        }
}

TEST(renews_a_tenth_before_the_end_but_never_before_half)
{
        assert_int_equal(signin_renewal_seconds(86400), 8640);
        assert_int_equal(signin_renewal_seconds(3600), 360);
        assert_int_equal(signin_renewal_seconds(600), 60);
        assert_int_equal(signin_renewal_seconds(120), 60);
        assert_int_equal(signin_renewal_seconds(60), 30);
        assert_int_equal(signin_renewal_seconds(1), 0);
        assert_int_equal(signin_renewal_seconds(0), 0);
}

TEST(names_the_resource)
{
        assert_string_equal(signin_resource()->group, "tka.specht-labs.de");
        assert_string_equal(signin_resource()->plural, "tkasignins");
}
