#include "operator/lease_record.h"

#include <string.h>

#include "lib/json.h"
#include "lib/timestamp.h"

const char *lease_record_holder(const json_t *object)
{
        const char *holder = json_text_at(object, "spec.holderIdentity");

        return holder == NULL ? "" : holder;
}

int64_t lease_record_duration_ms(const json_t *object)
{
        json_int_t seconds = json_integer_value(json_at(object, "spec.leaseDurationSeconds"));

        return (seconds < LEASE_RECORD_LONGEST_SECONDS ? seconds : LEASE_RECORD_LONGEST_SECONDS) *
               1000;
}

bool lease_record_equals(const json_t *object, const json_t *other)
{
        return json_equal(json_object_get(object, "spec"), json_object_get(other, "spec")) != 0;
}

/* MicroTime: exactly six digits, or the API server answers 400. */
static void set_time(json_t *spec, const char *key, int64_t now_us)
{
        char text[TIMESTAMP_TEXT_SIZE];

        json_object_set_new(spec, key, json_string(timestamp_format_us(now_us, text)));
}

/* The object once more, with a spec of its own to change. */
static json_t *copy_object(const json_t *object, json_t **spec)
{
        json_t *copy = json_deep_copy(object);

        *spec = json_object_get(copy, "spec");
        if (!json_is_object(*spec)) {
                *spec = json_object();
                json_object_set_new(copy, "spec", *spec);
        }
        return copy;
}

json_t *lease_record_create(const char *namespace_name, const char *name, const char *holder,
                            int64_t duration_seconds, int64_t now_us)
{
        json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:I, s:i}}", "apiVersion",
                                   "coordination.k8s.io/v1", "kind", "Lease", "metadata", "name",
                                   name, "namespace", namespace_name, "spec", "holderIdentity",
                                   holder, "leaseDurationSeconds", (json_int_t)duration_seconds,
                                   "leaseTransitions", 0);
        json_t *spec = json_object_get(object, "spec");

        set_time(spec, "acquireTime", now_us);
        set_time(spec, "renewTime", now_us);
        return object;
}

json_t *lease_record_take(const json_t *object, const char *holder, int64_t duration_seconds,
                          int64_t now_us)
{
        json_t *spec = NULL;
        json_t *copy = copy_object(object, &spec);

        if (strcmp(lease_record_holder(object), holder) != 0) {
                json_int_t transitions =
                        json_integer_value(json_object_get(spec, "leaseTransitions"));

                json_object_set_new(spec, "leaseTransitions", json_integer(transitions + 1));
                json_object_set_new(spec, "holderIdentity", json_string(holder));
                set_time(spec, "acquireTime", now_us);
        }
        json_object_set_new(spec, "leaseDurationSeconds", json_integer(duration_seconds));
        set_time(spec, "renewTime", now_us);
        return copy;
}

json_t *lease_record_release(const json_t *object, int64_t now_us)
{
        json_t *spec = NULL;
        json_t *copy = copy_object(object, &spec);

        json_object_set_new(spec, "holderIdentity", json_string(""));
        json_object_set_new(spec, "leaseDurationSeconds", json_integer(1));
        set_time(spec, "acquireTime", now_us);
        set_time(spec, "renewTime", now_us);
        return copy;
}
