/* Any bytes as a server's answer with a token, and as a cluster-info. */
#include "schema/cluster_info.h"
#include "schema/exec_credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

/* What is printed for kubectl can be read as the same token. */
static void print_and_read(const struct exec_credential *credential)
{
        scoped(exec_credential_clear) struct exec_credential again = { 0 };
        scoped(buf_clear) struct buf printed = { 0 };
        struct error err = { 0 };

        exec_credential_print(EXEC_CREDENTIAL_V1, &credential->token, credential->expires,
                              &printed);
        if (!exec_credential_decode(buf_text(&printed), printed.length, &again, &err) ||
            again.expires != credential->expires || again.token.length != credential->token.length)
                __builtin_trap();
        json_decref(exec_credential_encode(credential));
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        scoped(exec_credential_clear) struct exec_credential credential = { 0 };
        scoped(cluster_info_clear) struct cluster_info info = { 0 };
        const char *body = (const char *)text;
        struct error err = { 0 };

        if (exec_credential_decode(body, length, &credential, &err))
                print_and_read(&credential);
        if (cluster_info_decode(body, length, &info, &err))
                json_decref(cluster_info_encode(&info));
        return 0;
}
