/* Any bytes as a kubeconfig that a server sent, in either form; and as its rules. */
#include "lib/json.h"
#include "schema/access.h"
#include "schema/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

/* What came out is of the file's form, and reads as itself again. */
static void read_again(const json_t *list)
{
        scoped(buf_clear) struct buf written = { 0 };
        json_auto_t *again = NULL;
        struct error err = { 0 };

        json_print(list, &written);
        if (!kubeconfig_decode(written.text, written.length, &again, &err) ||
            !json_equal(list, again))
                __builtin_trap();
        kubeconfig_token(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        const char *body = (const char *)text;
        json_auto_t *list = NULL;
        scoped(access_clear) struct access access = { 0 };
        struct error err = { 0 };

        if (kubeconfig_decode(body, length, &list, &err))
                read_again(list);
        if (access_decode(body, length, &access, &err))
                json_decref(access_encode(&access));
        return 0;
}
