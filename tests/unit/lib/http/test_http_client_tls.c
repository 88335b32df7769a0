/* http_client and TLS: whom it believes, and as whom it comes. */
#include "lib/http/http_client.h"

#include "lib/fiber.h"
#include "tests/unit/lib/http/peer.h"
#include "tests/unit/lib/http/tls_identity.h"

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static const struct peer_answer answers[] = {
        { ANSWER, PEER_KEEPS }
};

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
