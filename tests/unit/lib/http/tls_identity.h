/* tls_identity.h - certificates with their keys, made on the spot, for tests. */
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

struct identity {
        EVP_PKEY *key;
        X509 *certificate;
        char *certificate_pem, *key_pem;
};

static inline void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        assert_non_null(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
}

static inline char *read_memory(BIO *memory)
{
        char *bytes = NULL;
        long length = BIO_get_mem_data(memory, &bytes);
        char *text = xstrndup(bytes, (size_t)length);

        BIO_free(memory);
        return text;
}

static inline void write_pem(struct identity *identity)
{
        BIO *certificate = BIO_new(BIO_s_mem());
        BIO *key = BIO_new(BIO_s_mem());

        PEM_write_bio_X509(certificate, identity->certificate);
        PEM_write_bio_PrivateKey(key, identity->key, NULL, NULL, 0, NULL, NULL);
        identity->certificate_pem = read_memory(certificate);
        identity->key_pem = read_memory(key);
}

/* issuer NULL: a CA, signed by itself. names: as in "DNS:a,IP:127.0.0.1", or NULL. */
static inline struct identity make_identity(const char *name, const struct identity *issuer,
                                            const char *names)
{
        static long serial = 1;
        struct identity identity = { .key = EVP_EC_gen("P-256"), .certificate = X509_new() };
        X509 *certificate = identity.certificate;
        X509_NAME *subject = X509_get_subject_name(certificate);
        X509 *signer = issuer ? issuer->certificate : certificate;

        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
                                   0);
        X509_set_issuer_name(certificate, X509_get_subject_name(signer));
        X509_set_pubkey(certificate, identity.key);
        add_extension(certificate, signer, NID_basic_constraints, issuer ? "CA:FALSE" : "CA:TRUE");
        if (names)
                add_extension(certificate, signer, NID_subject_alt_name, names);
        assert_true(X509_sign(certificate, issuer ? issuer->key : identity.key, EVP_sha256()) > 0);
        write_pem(&identity);
        return identity;
}

static inline void identity_clear(struct identity *identity)
{
        EVP_PKEY_free(identity->key);
        X509_free(identity->certificate);
        free(identity->certificate_pem);
        free(identity->key_pem);
}
