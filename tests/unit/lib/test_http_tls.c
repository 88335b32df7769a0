/* http_client and TLS: whom it believes, and as whom it comes. */
#include "lib/http_client.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/fiber.h"
#include "tests/unit/lib/peer.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static const struct peer_answer answers[] = {
        { ANSWER, PEER_KEEPS }
};

struct identity {
        EVP_PKEY *key;
        X509 *certificate;
        char *certificate_pem, *key_pem;
};

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        assert_non_null(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
}

static char *read_memory(BIO *memory)
{
        char *bytes = NULL;
        long length = BIO_get_mem_data(memory, &bytes);
        char *text = xstrndup(bytes, (size_t)length);

        BIO_free(memory);
        return text;
}

static void write_pem(struct identity *identity)
{
        BIO *certificate = BIO_new(BIO_s_mem());
        BIO *key = BIO_new(BIO_s_mem());

        PEM_write_bio_X509(certificate, identity->certificate);
        PEM_write_bio_PrivateKey(key, identity->key, NULL, NULL, 0, NULL, NULL);
        identity->certificate_pem = read_memory(certificate);
        identity->key_pem = read_memory(key);
}

/* issuer NULL: a CA, signed by itself. names: as in "DNS:a,IP:127.0.0.1", or NULL. */
static struct identity make_identity(const char *name, const struct identity *issuer,
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

static void identity_clear(struct identity *identity)
{
        EVP_PKEY_free(identity->key);
        X509_free(identity->certificate);
        free(identity->certificate_pem);
        free(identity->key_pem);
}

struct fixture {
        struct loop *loop;
        struct http_client *client;
        struct peer peer;
        struct identity ca, other_ca, server, user;
        SSL_CTX *tls;
        struct http_request request;
        struct http_reply reply;
};

static void set_up(struct fixture *fixture)
{
        const struct http_client_options options = { .in_flight = 4, .user_agent = "test/1" };

        *fixture = (struct fixture){ .loop = loop_new() };
        fixture->ca = make_identity("ca", NULL, NULL);
        fixture->other_ca = make_identity("other ca", NULL, NULL);
        fixture->server = make_identity("server", &fixture->ca, "IP:127.0.0.1,DNS:kube.example");
        fixture->user = make_identity("alice", &fixture->ca, NULL);
        fixture->tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(fixture->tls, fixture->server.certificate);
        SSL_CTX_use_PrivateKey(fixture->tls, fixture->server.key);
        fixture->client = http_client_new(fixture->loop, &options);
        peer_start(&fixture->peer, fixture->loop, answers, 1);
        fixture->peer.tls = fixture->tls;
        memmove(fixture->peer.url + 5, fixture->peer.url + 4, strlen(fixture->peer.url) - 3);
        fixture->peer.url[4] = 's';
        fixture->request = (struct http_request){
                .url = fixture->peer.url,
                .ca_pem = fixture->ca.certificate_pem,
                .timeout_ms = 2000,
                .limit_bytes = 100,
        };
}

static void tear_down(struct fixture *fixture)
{
        http_client_free(fixture->client);
        peer_stop(&fixture->peer);
        http_reply_clear(&fixture->reply);
        SSL_CTX_free(fixture->tls);
        identity_clear(&fixture->ca);
        identity_clear(&fixture->other_ca);
        identity_clear(&fixture->server);
        identity_clear(&fixture->user);
        loop_free(fixture->loop);
}

static bool send_request(struct fixture *fixture, struct error *err)
{
        return http_client_send(fixture->client, &fixture->request, &fixture->reply, err);
}

TEST(believes_the_given_ca)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture);
        assert_ok(send_request(&fixture, &err));
        assert_string_equal(buf_text(&fixture.reply.body), "hi");
        tear_down(&fixture);
}

TEST(believes_no_other_ca_also_on_a_connection_that_is_open)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture);
        assert_ok(send_request(&fixture, &err));
        fixture.request.ca_pem = fixture.other_ca.certificate_pem;
        assert_fails(send_request(&fixture, &err), ERROR_UNAVAILABLE, "certificate is not valid");
        fixture.request.ca_pem = NULL; /* the system's */
        assert_fails(send_request(&fixture, &err), ERROR_UNAVAILABLE, "certificate is not valid");
        assert_int_equal(fixture.peer.request_count, 1);
        tear_down(&fixture);
}

TEST(says_that_the_ca_is_no_certificate)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture);
        fixture.request.ca_pem = "nonsense";
        assert_fails(send_request(&fixture, &err), ERROR_UNAVAILABLE, "the CA is no PEM");
        fixture.request.ca_pem = "";
        assert_false(send_request(&fixture, &err));
        tear_down(&fixture);
}

TEST(verifies_the_name_it_is_told_and_keeps_the_host)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture);
        fixture.request.tls_server_name = "kube.example";
        assert_ok(send_request(&fixture, &err));
        assert_true(peer_was_asked(&fixture.peer, "\r\nHost: 127.0.0.1:"));
        fixture.request.tls_server_name = "evil.example";
        assert_fails(send_request(&fixture, &err), ERROR_UNAVAILABLE, "certificate is not valid");
        tear_down(&fixture);
}

TEST(verifies_the_name_in_the_url_when_it_connects_elsewhere)
{
        struct fixture fixture;
        struct error err = { 0 };
        char url[80];

        set_up(&fixture);
        fixture.request.url = url;
        fixture.request.address = "127.0.0.1";
        snprintf(url, sizeof(url), "https://kube.example%s", strrchr(fixture.peer.url, ':'));
        assert_ok(send_request(&fixture, &err));
        assert_true(peer_was_asked(&fixture.peer, "\r\nHost: kube.example:"));
        snprintf(url, sizeof(url), "https://evil.example%s", strrchr(fixture.peer.url, ':'));
        assert_fails(send_request(&fixture, &err), ERROR_UNAVAILABLE, "certificate is not valid");
        tear_down(&fixture);
}

TEST(checks_nothing_only_when_told_so)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture);
        fixture.request.ca_pem = NULL;
        fixture.request.insecure = true;
        assert_ok(send_request(&fixture, &err));
        fixture.request.insecure = false; /* must not ride on the connection that is open now */
        assert_fails(send_request(&fixture, &err), ERROR_UNAVAILABLE, "certificate is not valid");
        tear_down(&fixture);
}

TEST(comes_with_its_client_certificate)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(fixture.tls), fixture.ca.certificate);
        SSL_CTX_set_verify(fixture.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        assert_false(send_request(&fixture, &err));
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        fixture.request.client_certificate_pem = fixture.user.certificate_pem;
        fixture.request.client_key_pem = "nonsense";
        assert_fails(send_request(&fixture, &err), ERROR_UNAVAILABLE, "our client certificate");
        fixture.request.client_key_pem = fixture.user.key_pem;
        assert_ok(send_request(&fixture, &err));
        fixture.request.client_certificate_pem = NULL; /* nobody comes in as who was there before */
        fixture.request.client_key_pem = NULL;
        assert_false(send_request(&fixture, &err));
        tear_down(&fixture);
}

TEST(asks_nothing_of_a_server_without_tls)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture);
        fixture.peer.tls = NULL;
        assert_false(send_request(&fixture, &err));
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_int_equal(fixture.peer.request_count, 0);
        tear_down(&fixture);
}
