#include "kubectl-tka/remote/ca_hash.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/memory.h"

static size_t count_padding(const char *base64, size_t length)
{
        size_t padding = 0;

        while (padding < 2 && padding < length && base64[length - 1 - padding] == '=')
                padding++;
        return padding;
}

bool ca_hash_of(const char *base64, char hash[CA_HASH_SIZE], struct error *err)
{
        const char *text = base64 ? base64 : "";
        size_t length = strlen(text);
        scoped_free unsigned char *bytes = xmalloc(length / 4 * 3 + 4);
        unsigned char digest[32];
        int decoded = -1;

        if (length <= INT_MAX && length % 4 == 0)
                decoded = length > 0
                                  ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length)
                                  : 0;
        if (decoded < 0)
                return error_set(err, ERROR_INVALID, "the cluster's CA is not base64");
        if (EVP_Digest(bytes, (size_t)decoded - count_padding(text, length), digest, NULL,
                       EVP_sha256(), NULL) != 1)
                return error_set(err, ERROR_INTERNAL, "OpenSSL has no SHA-256");
        for (size_t i = 0; i < sizeof(digest); i++)
                snprintf(hash + 2 * i, 3, "%02x", digest[i]);
        return true;
}
