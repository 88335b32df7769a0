#include "lib/http/http_client.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/http/http_server.h"
#include "tests/unit/lib/http/http_fixture.h"

TEST(brings_status_headers_and_body)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n"
                  "Retry-After: 7\r\nDate: Sun, 22 Nov 2026 09:12:13 GMT\r\nTrace-Id: abc\r\n"
                  "Content-Length: 5\r\n\r\nlater", PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        const struct http_request request = make_request(&fixture);
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.reply.status, 429);
        assert_string_equal(fixture.reply.content_type, "text/plain; charset=utf-8");
        assert_int_equal(fixture.reply.retry_after_seconds, 7);
        assert_int_equal(fixture.reply.date, 1795338733);
        assert_string_equal(fixture.reply.trace_id, "abc");
        assert_string_equal(buf_text(&fixture.reply.body), "later");
        tear_down(&fixture);
}

TEST(sends_method_body_headers_and_bearer)
{
        static const char *const headers[] = { "X-One: 1", NULL };
        struct secret bearer = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up_keeping(&fixture);
        secret_set(&bearer, "s3cret", 6);
        struct http_request request = make_request(&fixture);
        request.method = "PATCH";
        request.body = "{\"a\":1}";
        request.body_length = 7;
        request.content_type = "application/json";
        request.headers = headers;
        request.bearer = &bearer;
        assert_ok(send_request(&fixture, &request, &err));
        assert_true(peer_was_asked(&fixture.peer, "PATCH / HTTP/1.1\r\n"));
        assert_true(peer_was_asked(&fixture.peer, "X-One: 1\r\n"));
        assert_true(peer_was_asked(&fixture.peer, "Content-Type: application/json\r\n"));
        assert_true(peer_was_asked(&fixture.peer, "Authorization: Bearer s3cret\r\n"));
        assert_true(peer_was_asked(&fixture.peer, "User-Agent: test/1\r\n"));
        assert_true(peer_was_asked(&fixture.peer, "\r\n\r\n{\"a\":1}"));
        assert_false(peer_was_asked(&fixture.peer, "Expect:"));
        secret_clear(&bearer);
        tear_down(&fixture);
}

TEST(forgets_the_bearer_of_the_call_before)
{
        struct secret bearer = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up_keeping(&fixture);
        secret_set(&bearer, "s3cret", 6);
        struct http_request request = make_request(&fixture);
        request.bearer = &bearer;
        assert_ok(send_request(&fixture, &request, &err));
        request.bearer = NULL;
        buf_clear(&fixture.peer.requests);
        assert_ok(send_request(&fixture, &request, &err));
        assert_false(peer_was_asked(&fixture.peer, "Authorization"));
        assert_int_equal(fixture.peer.connection_count, 1);
        secret_clear(&bearer);
        tear_down(&fixture);
}

TEST(refuses_what_would_smuggle_a_header)
{
        struct secret bearer = { 0 };
        static const char *const headers[] = { "X: 1\r\nY: 2", NULL };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, NULL, 0);
        secret_set(&bearer, "a\nb", 3);
        struct http_request request = make_request(&fixture);
        request.bearer = &bearer;
        assert_fails(send_request(&fixture, &request, &err), ERROR_INVALID, "control character");
        request.bearer = NULL;
        request.headers = headers;
        assert_fails(send_request(&fixture, &request, &err), ERROR_INVALID, "is no header");
        assert_int_equal(fixture.peer.request_count, 0);
        secret_clear(&bearer);
        tear_down(&fixture);
}

TEST(refuses_urls_that_are_not_http)
{
        static const char *const urls[] = { "", "nonsense", "file:///etc/passwd", "ftp://host/",
                                            "http://user:secret@host/" };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, NULL, 0);
        struct http_request request = make_request(&fixture);
        for (size_t i = 0; i < ARRAY_LENGTH(urls); i++) {
                request.url = urls[i];
                assert_fails(send_request(&fixture, &request, &err), ERROR_INVALID, "URL");
        }
        tear_down(&fixture);
}

TEST(leaves_the_reply_alone_when_there_is_no_answer)
{
        static const struct peer_answer answers[] = {
                { NULL, PEER_CLOSES }
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        const struct http_request request = make_request(&fixture);
        fixture.reply.status = 77;
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "closed without an answer");
        assert_int_equal(fixture.reply.status, 77);
        tear_down(&fixture);
}

TEST(says_why_there_was_no_answer)
{
        static const struct {
                struct peer_answer answer;
                enum error_kind kind;
                const char *words;
        } cases[] = {
                { { NULL, PEER_RESETS },                                                           ERROR_UNAVAILABLE, "broke off while answering" },
                { { "SSH-2.0-OpenSSH_9.2\r\n", PEER_CLOSES },                                      ERROR_INVALID,     "is not HTTP"               },
                { { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", PEER_CLOSES },
                 ERROR_UNAVAILABLE,                                                                                   "broke off while answering" },
                { { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha", PEER_CLOSES },
                 ERROR_UNAVAILABLE,                                                                                   "broke off while answering" },
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                set_up(&fixture, &cases[i].answer, 1);
                const struct http_request request = make_request(&fixture);
                assert_fails(send_request(&fixture, &request, &err), cases[i].kind, cases[i].words);
                assert_non_null(strstr(err.text, fixture.peer.url));
                tear_down(&fixture);
        }
}

TEST(says_that_nobody_listens)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, NULL, 0);
        struct http_request request = make_request(&fixture);
        request.url = "http://127.0.0.1:1/x";
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "http://127.0.0.1:1: cannot connect: Connection refused");
        tear_down(&fixture);
}

TEST(gives_up_a_slow_answer_in_time)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", PEER_KEEPS },
                { OK_KEPT,                                            PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 2);
        struct http_request request = make_request(&fixture);
        request.timeout_ms = 300;
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "no answer within 300 ms");
        request.timeout_ms = 2000;
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.peer.connection_count, 2);
        tear_down(&fixture);
}

TEST(refuses_a_body_over_the_limit)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up_keeping(&fixture);
        struct http_request request = make_request(&fixture);
        request.limit_bytes = 1;
        assert_fails(send_request(&fixture, &request, &err), ERROR_INVALID, "larger than 1 bytes");
        tear_down(&fixture);
}

TEST(refuses_a_head_without_end)
{
        scoped(buf_clear) struct buf head = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        buf_add(&head, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 4000; i++)
                buf_printf(&head, "X-%d: 012345678901234567890123456789\r\n", i);
        const struct peer_answer answer = { head.text, PEER_KEEPS };
        set_up(&fixture, &answer, 1);
        const struct http_request request = make_request(&fixture);
        assert_false(send_request(&fixture, &request, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        tear_down(&fixture);
}

TEST(does_not_follow_redirects)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
                 PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        const struct http_request request = make_request(&fixture);
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.reply.status, 302);
        assert_int_equal(fixture.peer.request_count, 1);
        tear_down(&fixture);
}

TEST(ignores_a_proxy_of_the_environment)
{
        struct fixture fixture;
        struct error err = { 0 };

        setenv("http_proxy", "http://127.0.0.1:1", 1);
        setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
        set_up_keeping(&fixture);
        const struct http_request request = make_request(&fixture);
        assert_ok(send_request(&fixture, &request, &err));
        unsetenv("http_proxy");
        unsetenv("ALL_PROXY");
        tear_down(&fixture);
}

TEST(connects_to_the_given_address_and_keeps_the_name)
{
        struct fixture fixture;
        struct error err = { 0 };
        char url[80];

        set_up_keeping(&fixture);
        struct http_request request = make_request(&fixture);
        snprintf(url, sizeof(url), "http://tka.example%s/x", strrchr(fixture.peer.url, ':'));
        request.url = url;
        request.address = "127.0.0.1";
        assert_ok(send_request(&fixture, &request, &err));
        assert_true(peer_was_asked(&fixture.peer, "GET /x HTTP/1.1\r\nHost: tka.example:"));
        tear_down(&fixture);
}

static bool answer_hello(void *owner, struct http_exchange *exchange, struct error *err)
{
        size_t length = 0;
        const char *body = http_exchange_body(exchange, &length);

        (void)owner;
        if (length == 0)
                return error_set_status(err, ERROR_INVALID, 422, "say something");
        http_exchange_reply(exchange, 200, "text/plain", body, length);
        return true;
}

TEST(understands_our_own_server)
{
        static const struct http_route routes[] = {
                { "POST", "/hello", true, answer_hello }
        };
        const struct http_server_options options = { .routes = routes, .route_count = 1 };
        struct fixture fixture;
        struct error err = { 0 };
        char url[64];

        set_up(&fixture, NULL, 0);
        struct http_server *server = http_server_new(fixture.loop, &options);
        assert_ok(http_server_listen_on(server, "127.0.0.1", 0, NULL, &err));
        snprintf(url, sizeof(url), "http://127.0.0.1:%d/hello", http_server_port(server));
        struct http_request request = make_request(&fixture);
        request.url = url;
        request.method = "POST";
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.reply.status, 422);
        request.body = "hi";
        request.body_length = 2;
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.reply.status, 200);
        assert_string_equal(buf_text(&fixture.reply.body), "hi");
        assert_int_equal(strlen(fixture.reply.trace_id), 32);
        http_server_free(server);
        tear_down(&fixture);
}
