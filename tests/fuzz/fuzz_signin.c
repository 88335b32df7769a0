/* Any JSON as a TkaSignin: read, named, timed, copied, written. */
#include "schema/signin.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

static void write_both(const struct signin *signin)
{
        json_auto_t *apply = signin_encode("tka", signin->name, &signin->spec);
        json_auto_t *status = signin_encode_status(signin, &signin->status);
        scoped(buf_clear) struct buf written = { 0 };

        json_print(apply, &written);
        json_print(status, &written);
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        scoped(signin_clear) struct signin signin = { 0 };
        scoped(signin_clear) struct signin copy = { 0 };
        json_auto_t *object = NULL;
        struct error err = { 0 };
        int64_t ends = 0;

        if (!json_parse((const char *)text, length, &object, &err) ||
            !signin_decode(object, &signin, &err))
                return 0;
        signin_copy(&copy, &signin);
        signin_name_is_ours(&copy);
        if (signin_ends_at(&copy, &ends, &err) && ends <= signin.created_at &&
            !signin.spec.requested_at)
                __builtin_trap();
        write_both(&copy);
        return 0;
}
