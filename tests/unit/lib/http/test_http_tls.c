#include "lib/http/http_tls.h"

#include "lib/http/http_client.h"
#include "tests/unit/lib/http/http_world.h"
#include "tests/unit/lib/http/tls_identity.h"

/* What the world has besides: two identities to show, and a client that believes their CA. */
static struct {
        struct http_tls *tls;
        struct http_client *client;
        struct identity ca, first, second;
} tls_world;

static bool load(const struct identity *identity, struct error *err)
{
        return http_tls_load(tls_world.tls, identity->certificate_pem, identity->key_pem, err);
}

static void open_tls_world(void)
{
        const struct http_client_options options = { .in_flight = 4, .user_agent = "test/1" };
        struct error err = { 0 };

        tls_world.tls = http_tls_new();
        tls_world.ca = make_identity("ca", NULL, NULL);
        tls_world.first = make_identity("first", &tls_world.ca, "IP:127.0.0.1,DNS:first.example");
        tls_world.second =
                make_identity("second", &tls_world.ca, "IP:127.0.0.1,DNS:second.example");
        assert_ok(load(&tls_world.first, &err));
        open_world_with("127.0.0.1", tls_world.tls);
        tls_world.client = http_client_new(world.loop, &options);
}

static void close_tls_world(void)
{
        http_client_free(tls_world.client);
        close_world();
        http_tls_free(tls_world.tls);
        identity_clear(&tls_world.ca);
        identity_clear(&tls_world.first);
        identity_clear(&tls_world.second);
}

/* name: what the certificate must be for. The body's length, or -1 and err. */
static ssize_t get(const char *path, const char *name, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped_free char *url =
                xasprintf("https://127.0.0.1:%d%s", http_server_port(world.server), path);
        const struct http_request request = { .url = url,
                                              .tls_server_name = name,
                                              .ca_pem = tls_world.ca.certificate_pem,
                                              .timeout_ms = PATIENCE_MS,
                                              .limit_bytes = BIG };

        return http_client_send(tls_world.client, &request, &reply, err)
                       ? (ssize_t)reply.body.length
                       : -1;
}

struct asking {
        ssize_t length;
        int done;
        struct error err;
};

static void ask_held(void *owner)
{
        struct asking *asking = owner;

        asking->length = get("/held", "first.example", &asking->err);
        asking->done = 1;
}

TEST(answers_over_tls_small_and_large)
{
        struct error err = { 0 };

        open_tls_world();
        assert_int_equal(get("/now", "first.example", &err), 4);
        assert_int_equal(get("/now", "first.example", &err), 4);
        assert_int_equal(get("/big", "first.example", &err), BIG);
        assert_true(http_tls_expires(tls_world.tls) > 0);
        close_tls_world();
}

TEST(shows_the_new_certificate_to_who_comes_and_drops_nobody_who_is_there)
{
        struct asking asking = { 0 };
        struct error err = { 0 };

        open_tls_world();
        fiber_start(world.loop, ask_held, &asking);
        wait_until(&world.holding, 1);
        assert_ok(load(&tls_world.second, &err));
        assert_int_equal(get("/now", "second.example", &err), 4);
        assert_int_equal(asking.done, 0);
        wait_wake(&world.held);
        wait_until(&asking.done, 1);
        assert_int_equal(asking.length, 5);
        close_tls_world();
}

TEST(refuses_what_does_not_belong_together_and_keeps_what_it_has)
{
        scoped_free char *half = NULL;
        struct error err = { 0 };

        open_tls_world();
        half = xstrndup(tls_world.first.certificate_pem,
                        strlen(tls_world.first.certificate_pem) / 2);
        const struct {
                const char *chain, *key, *words;
        } cases[] = {
                { tls_world.second.certificate_pem, tls_world.first.key_pem,      "does not belong"    },
                { "",                               tls_world.first.key_pem,      "no PEM certificate" },
                { half,                             tls_world.first.key_pem,      "no PEM certificate" },
                { tls_world.first.certificate_pem,  "",                           "no PEM key"         },
                { tls_world.first.certificate_pem,  tls_world.ca.certificate_pem, "no PEM key"         },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                assert_fails(http_tls_load(tls_world.tls, cases[i].chain, cases[i].key, &err),
                             ERROR_INVALID, cases[i].words);
        assert_int_equal(get("/now", "first.example", &err), 4);
        close_tls_world();
}

TEST(refuses_a_certificate_that_is_over)
{
        struct error err = { 0 };

        open_tls_world();
        struct identity over = make_identity("over", &tls_world.ca, "IP:127.0.0.1");

        X509_gmtime_adj(X509_getm_notAfter(over.certificate), -60);
        X509_sign(over.certificate, tls_world.ca.key, EVP_sha256());
        free(over.certificate_pem);
        free(over.key_pem);
        write_pem(&over);
        assert_fails(load(&over, &err), ERROR_INVALID, "is over");
        identity_clear(&over);
        close_tls_world();
}

TEST(takes_chain_and_key_from_one_text_as_tailscaled_gives_them)
{
        struct error err = { 0 };

        open_tls_world();
        scoped_free char *pair =
                xasprintf("%s%s%s", tls_world.second.key_pem, tls_world.second.certificate_pem,
                          tls_world.ca.certificate_pem);

        assert_ok(http_tls_load(tls_world.tls, pair, pair, &err));
        assert_int_equal(get("/now", "second.example", &err), 4);
        close_tls_world();
}

/* A client with plain OpenSSL: which version and protocol does it get? */
static const char *shake_hands(int version, const char *alpn, char chosen[16])
{
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        scoped_free char *address = xasprintf("127.0.0.1:%d", http_server_port(world.server));
        const unsigned char *protocol = NULL;
        unsigned int length = 0;
        SSL *ssl = NULL;
        const char *got = NULL;

        SSL_CTX_set_max_proto_version(context, version);
        SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_alpn_protos(context, (const unsigned char *)alpn, (unsigned int)strlen(alpn));
        BIO *stream = BIO_new_ssl_connect(context);
        BIO_get_ssl(stream, &ssl);
        BIO_set_conn_hostname(stream, address);
        BIO_set_nbio(stream, 1);
        for (int turns = 0; turns < 2000; turns++) {
                if (BIO_do_connect(stream) == 1) {
                        got = SSL_get_version(ssl);
                        break;
                }
                if (!BIO_should_retry(stream))
                        break;
                turn(2);
        }
        SSL_get0_alpn_selected(ssl, &protocol, &length);
        snprintf(chosen, 16, "%.*s", (int)length, (const char *)protocol);
        BIO_free_all(stream);
        SSL_CTX_free(context);
        return got;
}

TEST(speaks_tls_1_2_and_1_3_and_nothing_older)
{
        char protocol[16];

        open_tls_world();
        assert_string_equal(shake_hands(TLS1_3_VERSION, "\x02h2\x08http/1.1", protocol), "TLSv1.3");
        assert_string_equal(protocol, "http/1.1");
        assert_string_equal(shake_hands(TLS1_2_VERSION, "\x08http/1.1", protocol), "TLSv1.2");
        assert_null(shake_hands(TLS1_1_VERSION, "\x08http/1.1", protocol));
        assert_null(shake_hands(TLS1_VERSION, "\x08http/1.1", protocol));
        assert_null(shake_hands(TLS1_3_VERSION, "\x02h2", protocol));
        close_tls_world();
}
