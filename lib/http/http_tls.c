#include "lib/http/http_tls.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "lib/memory.h"

#define CHAIN_MAX 16
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS "X25519:P-256:P-384"

struct http_tls {
        SSL_CTX *context; /* NULL: no certificate yet */
        int64_t expires;
};

struct http_tls *http_tls_new(void)
{
        return xcalloc(1, sizeof(struct http_tls));
}

void http_tls_free(struct http_tls *tls)
{
        if (tls == NULL)
                return;
        SSL_CTX_free(tls->context);
        free(tls);
}

static void free_bio(BIO **bio)
{
        BIO_free(*bio);
}

static void free_certificate(X509 **certificate)
{
        X509_free(*certificate);
}

static void free_key(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static void free_context(SSL_CTX **context)
{
        SSL_CTX_free(*context);
}

/* With OpenSSL's own words, which name no secret. */
static bool refuse(struct error *err, const char *what)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());

        error_set(err, ERROR_INVALID, "%s%s%s", what, reason != NULL ? ": " : "",
                  reason != NULL ? reason : "");
        ERR_clear_error();
        return false;
}

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                           const unsigned char *offered, unsigned int offered_length, void *owner)
{
        static const unsigned char ours[] = "\x08http/1.1";
        unsigned char *found = NULL;

        (void)ssl;
        (void)owner;
        if (SSL_select_next_proto(&found, chosen_length, ours, sizeof(ours) - 1, offered,
                                  offered_length) != OPENSSL_NPN_NEGOTIATED)
                return SSL_TLSEXT_ERR_ALERT_FATAL;
        *chosen = found;
        return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(void)
{
        char groups[] = GROUPS; /* OpenSSL's macro takes no const. */
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());

        if (context == NULL)
                abort();
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(context, CIPHERS_1_2);
        SSL_CTX_set1_groups_list(context, groups);
        SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                             SSL_OP_NO_COMPRESSION |
                                             SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_num_tickets(context, 0);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
        return context;
}

static int64_t read_end(const X509 *certificate)
{
        struct tm end = { 0 };

        return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? (int64_t)timegm(&end)
                                                                           : 0;
}

static bool use_certificate(SSL_CTX *context, BIO *pem, int64_t *expires, struct error *err)
{
        scoped(free_certificate) X509 *certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);

        if (certificate == NULL)
                return refuse(err, "there is no PEM certificate");
        *expires = read_end(certificate);
        if (*expires <= (int64_t)time(NULL))
                return error_set(err, ERROR_INVALID, "the certificate is over");
        return SSL_CTX_use_certificate(context, certificate) == 1 ||
               refuse(err, "the certificate cannot be used");
}

static bool use_intermediates(SSL_CTX *context, BIO *pem, struct error *err)
{
        for (int i = 0; i < CHAIN_MAX; i++) {
                scoped(free_certificate) X509 *certificate =
                        PEM_read_bio_X509(pem, NULL, NULL, NULL);

                if (certificate == NULL) {
                        ERR_clear_error(); /* the end of the text */
                        return true;
                }
                if (SSL_CTX_add1_chain_cert(context, certificate) != 1)
                        return refuse(err, "the chain cannot be used");
        }
        return error_set(err, ERROR_INVALID, "the chain has more than %d certificates", CHAIN_MAX);
}

static bool use_key(SSL_CTX *context, const char *text, struct error *err)
{
        scoped(free_bio) BIO *pem = BIO_new_mem_buf(text, -1);
        char no_password[] = "";
        scoped(free_key) EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, NULL, no_password);

        if (key == NULL)
                return refuse(err, "there is no PEM key without a password");
        return (SSL_CTX_use_PrivateKey(context, key) == 1 &&
                SSL_CTX_check_private_key(context) == 1) ||
               refuse(err, "the key does not belong to the certificate");
}

bool http_tls_load(struct http_tls *tls, const char *chain, const char *key, struct error *err)
{
        scoped(free_context) SSL_CTX *context = make_context();
        scoped(free_bio) BIO *pem = BIO_new_mem_buf(chain, -1);
        int64_t expires = 0;

        ERR_clear_error();
        if (!use_certificate(context, pem, &expires, err) ||
            !use_intermediates(context, pem, err) || !use_key(context, key, err))
                return false;
        SSL_CTX_free(tls->context);
        tls->context = take(context);
        tls->expires = expires;
        return true;
}

bool http_tls_is_loaded(const struct http_tls *tls)
{
        return tls->context != NULL;
}

int64_t http_tls_expires(const struct http_tls *tls)
{
        return tls->expires;
}

struct bufferevent *http_tls_open(struct http_tls *tls, struct event_base *base, int fd)
{
        struct bufferevent *stream = NULL;

        if (tls == NULL)
                return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
        assert(tls->context != NULL);
        stream = bufferevent_openssl_socket_new(base, fd, SSL_new(tls->context),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
        if (stream == NULL)
                abort(); /* out of memory */
        /* A client that closes without a goodbye is at its end as well: lengths tell what is cut.
         */
        bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
        return stream;
}

void http_tls_say_goodbye(struct bufferevent *stream)
{
        SSL *ssl = bufferevent_openssl_get_ssl(stream);

        if (ssl != NULL && SSL_is_init_finished(ssl))
                SSL_shutdown(ssl);
        ERR_clear_error();
}
