/* Any bytes as the body of a login, as its answer, and as an error. */
#include "schema/error_body.h"
#include "schema/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

/* What was read is written and read again: nothing is lost on the way. */
static void read_again(const struct login_request *request)
{
        scoped(login_request_clear) struct login_request again = { 0 };
        json_auto_t *object = login_request_encode(request);
        scoped(buf_clear) struct buf written = { 0 };
        struct error err = { 0 };

        json_print(object, &written);
        if (!login_request_decode(buf_text(&written), written.length, &again, &err) ||
            again.namespaces.count != request->namespaces.count)
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        scoped(login_request_clear) struct login_request request = { 0 };
        scoped(login_clear) struct login login = { 0 };
        const char *body = (const char *)text;
        struct error err = { 0 };

        if (login_request_decode(body, length, &request, &err))
                read_again(&request);
        if (login_decode(body, length, &login, &err))
                json_decref(login_encode(&login));
        if (error_body_decode(502, body, length, &err) || err.kind != ERROR_UNAVAILABLE)
                __builtin_trap();
        return 0;
}
