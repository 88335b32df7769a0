#include "tests/unit/test.h"

#include "lib/json.h"
#include "operator/lease_record.h"

#define NOW_US INT64_C(1767225600000042) /* 2026-01-01T00:00:00.000042Z */

static json_t *held_by(const char *holder)
{
        return json_pack("{s:{s:s, s:s}, s:{s:s, s:i, s:s, s:s, s:i, s:s}}", "metadata", "name",
                         "tka-operator-tka", "resourceVersion", "7", "spec", "holderIdentity",
                         holder, "leaseDurationSeconds", 15, "acquireTime",
                         "2025-01-01T00:00:00.000000Z", "renewTime", "2025-01-01T00:00:01.000000Z",
                         "leaseTransitions", 3, "strategy", "OldestEmulationVersion");
}

static const char *text(const json_t *object, const char *path)
{
        return json_text_at(object, path);
}

TEST(reads_who_holds_it_and_for_how_long)
{
        json_auto_t *object = held_by("one");
        json_auto_t *empty = json_object();

        assert_string_equal(lease_record_holder(object), "one");
        assert_int_equal(lease_record_duration_ms(object), 15000);
        json_object_set_new(json_object_get(object, "spec"), "leaseDurationSeconds",
                            json_integer(INT32_MAX));
        assert_int_equal(lease_record_duration_ms(object), 60000);
        assert_string_equal(lease_record_holder(empty), "");
        assert_int_equal(lease_record_duration_ms(empty), 0);
}

TEST(creates_one_with_times_of_six_digits)
{
        json_auto_t *object =
                lease_record_create("tka-system", "tka-operator-tka", "me", 8, NOW_US);

        assert_string_equal(text(object, "metadata.namespace"), "tka-system");
        assert_string_equal(text(object, "spec.holderIdentity"), "me");
        assert_string_equal(text(object, "spec.acquireTime"), "2026-01-01T00:00:00.000042Z");
        assert_string_equal(text(object, "spec.renewTime"), "2026-01-01T00:00:00.000042Z");
        assert_int_equal(lease_record_duration_ms(object), 8000);
        assert_int_equal(json_integer_at(object, "spec.leaseTransitions", -1), 0);
}

TEST(counts_a_transition_when_it_takes_anothers_and_leaves_the_rest)
{
        json_auto_t *object = held_by("one");
        json_auto_t *taken = lease_record_take(object, "me", 8, NOW_US);

        assert_string_equal(text(taken, "spec.holderIdentity"), "me");
        assert_string_equal(text(taken, "spec.acquireTime"), "2026-01-01T00:00:00.000042Z");
        assert_int_equal(json_integer_at(taken, "spec.leaseTransitions", -1), 4);
        assert_int_equal(lease_record_duration_ms(taken), 8000);
        assert_string_equal(text(taken, "spec.strategy"), "OldestEmulationVersion");
        assert_string_equal(text(taken, "metadata.resourceVersion"), "7");
        assert_string_equal(lease_record_holder(object), "one");
}

TEST(renews_without_a_transition)
{
        json_auto_t *object = held_by("me");
        json_auto_t *renewed = lease_record_take(object, "me", 8, NOW_US);

        assert_string_equal(text(renewed, "spec.acquireTime"), "2025-01-01T00:00:00.000000Z");
        assert_string_equal(text(renewed, "spec.renewTime"), "2026-01-01T00:00:00.000042Z");
        assert_int_equal(json_integer_at(renewed, "spec.leaseTransitions", -1), 3);
        assert_false(lease_record_equals(object, renewed));
}

TEST(gives_back_what_anybody_can_take_at_once)
{
        json_auto_t *object = held_by("me");
        json_auto_t *released = lease_record_release(object, NOW_US);

        assert_string_equal(lease_record_holder(released), "");
        assert_int_equal(lease_record_duration_ms(released), 1000);
        assert_int_equal(json_integer_at(released, "spec.leaseTransitions", -1), 3);
}

TEST(takes_a_lease_without_a_spec)
{
        json_auto_t *object = json_pack("{s:{s:s}}", "metadata", "resourceVersion", "7");
        json_auto_t *taken = lease_record_take(object, "me", 8, NOW_US);

        assert_string_equal(lease_record_holder(taken), "me");
        assert_int_equal(json_integer_at(taken, "spec.leaseTransitions", -1), 1);
}

TEST(sees_a_change_of_what_matters_alone)
{
        json_auto_t *object = held_by("one");
        json_auto_t *other = held_by("one");

        json_object_set_new(json_object_get(other, "metadata"), "resourceVersion",
                            json_string("8"));
        assert_true(lease_record_equals(object, other));
}
