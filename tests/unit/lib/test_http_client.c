#include "lib/http_client.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/fiber.h"
#include "lib/http_server.h"
#include "tests/unit/lib/peer.h"

#define OK_KEPT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define STREAM_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

struct fixture {
        struct loop *loop;
        struct http_client *client;
        struct peer peer;
        struct http_reply reply;
};

static void set_up(struct fixture *fixture, const struct peer_answer *answers, size_t count)
{
        const struct http_client_options options = { .in_flight = 2, .user_agent = "test/1" };

        *fixture = (struct fixture){ .loop = loop_new() };
        fixture->client = http_client_new(fixture->loop, &options);
        peer_start(&fixture->peer, fixture->loop, answers, count);
}

static void turn_loop(struct fixture *fixture, int64_t milliseconds)
{
        struct error err = { 0 };

        assert_ok(wait_ms(fixture->loop, milliseconds, &err));
}

static void tear_down(struct fixture *fixture)
{
        turn_loop(fixture, 5);
        http_client_free(fixture->client);
        turn_loop(fixture, 5);
        peer_stop(&fixture->peer);
        http_reply_clear(&fixture->reply);
        loop_free(fixture->loop);
        assert_int_equal(fiber_count(), 0);
}

static struct http_request make_request(const struct fixture *fixture)
{
        return (struct http_request){
                .url = fixture->peer.url,
                .timeout_ms = 2000,
                .limit_bytes = 1000,
        };
}

static bool send_request(struct fixture *fixture, const struct http_request *request,
                         struct error *err)
{
        return http_client_send(fixture->client, request, &fixture->reply, err);
}

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
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS }
        };
        static const char *const headers[] = { "X-One: 1", NULL };
        struct secret bearer = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
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
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS }
        };
        struct secret bearer = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
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
        request.unix_socket = "/nonexistent/socket";
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "/nonexistent/socket: ");
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
        request.timeout_ms = 50;
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "no answer within 50 ms");
        request.timeout_ms = 2000;
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.peer.connection_count, 2);
        tear_down(&fixture);
}

TEST(refuses_a_body_over_the_limit)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS }
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
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
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS }
        };
        struct fixture fixture;
        struct error err = { 0 };

        setenv("http_proxy", "http://127.0.0.1:1", 1);
        setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
        set_up(&fixture, answers, 1);
        const struct http_request request = make_request(&fixture);
        assert_ok(send_request(&fixture, &request, &err));
        unsetenv("http_proxy");
        unsetenv("ALL_PROXY");
        tear_down(&fixture);
}

TEST(connects_to_the_given_address_and_keeps_the_name)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS }
        };
        struct fixture fixture;
        struct error err = { 0 };
        char url[80];

        set_up(&fixture, answers, 1);
        struct http_request request = make_request(&fixture);
        snprintf(url, sizeof(url), "http://tka.example%s/x", strrchr(fixture.peer.url, ':'));
        request.url = url;
        request.address = "127.0.0.1";
        assert_ok(send_request(&fixture, &request, &err));
        assert_true(peer_was_asked(&fixture.peer, "GET /x HTTP/1.1\r\nHost: tka.example:"));
        tear_down(&fixture);
}

TEST(speaks_over_a_unix_socket)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS }
        };
        struct fixture fixture;
        struct error err = { 0 };
        char folder[] = "/tmp/test_http_client.XXXXXX";
        char path[64];

        set_up(&fixture, NULL, 0);
        peer_stop(&fixture.peer);
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/socket", folder);
        peer_start_unix(&fixture.peer, fixture.loop, path, answers, 1);
        struct http_request request = make_request(&fixture);
        request.url = "http://local/x";
        request.unix_socket = path;
        assert_ok(send_request(&fixture, &request, &err));
        assert_true(peer_was_asked(&fixture.peer, "GET /x HTTP/1.1\r\nHost: local\r\n"));
        tear_down(&fixture);
        unlink(path);
        rmdir(folder);
}

TEST(asks_again_when_a_kept_connection_is_dead)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS  },
                { NULL,    PEER_RESETS },
                { OK_KEPT, PEER_KEEPS  },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 3);
        const struct http_request request = make_request(&fixture);
        assert_ok(send_request(&fixture, &request, &err));
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.peer.request_count, 3);
        assert_int_equal(fixture.peer.connection_count, 2);
        tear_down(&fixture);
}

TEST(does_not_ask_again_when_a_fresh_connection_breaks)
{
        static const struct peer_answer answers[] = {
                { NULL, PEER_RESETS }
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        const struct http_request request = make_request(&fixture);
        assert_false(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.peer.request_count, 1);
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

/* A call on a fiber of its own. */
struct background {
        struct fixture *fixture;
        struct fiber *fiber;
        int64_t timeout_ms;
        bool ended, answered;
        struct error err;
};

static void run_background(void *argument)
{
        struct background *call = argument;
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        struct http_request request = make_request(call->fixture);

        request.timeout_ms = call->timeout_ms;
        call->answered = http_client_send(call->fixture->client, &request, &reply, &call->err);
        call->ended = true;
}

static void start_background(struct fixture *fixture, struct background *call, int64_t timeout_ms)
{
        *call = (struct background){ .fixture = fixture, .timeout_ms = timeout_ms };
        call->fiber = fiber_start(fixture->loop, run_background, call);
}

/* curl itself tries one kept connection after the other, and after six of them it gives up. */
TEST(asks_again_on_a_fresh_connection_when_all_kept_ones_are_dead)
{
        enum { KEPT = 8, DEAD = 6 };
        const struct http_client_options options = { .in_flight = KEPT, .user_agent = "test/1" };
        struct peer_answer answers[KEPT + DEAD + 1];
        struct background calls[KEPT];
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(answers); i++)
                answers[i] = (struct peer_answer){ OK_KEPT, PEER_KEEPS };
        for (size_t i = 0; i < DEAD; i++)
                answers[KEPT + i] = (struct peer_answer){ NULL, PEER_RESETS };
        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        http_client_free(fixture.client);
        fixture.client = http_client_new(fixture.loop, &options);
        for (size_t i = 0; i < KEPT; i++)
                start_background(&fixture, &calls[i], 2000);
        turn_loop(&fixture, 50);
        assert_int_equal(fixture.peer.connection_count, KEPT);
        const struct http_request request = make_request(&fixture);
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.peer.request_count, KEPT + DEAD + 1);
        assert_int_equal(fixture.peer.connection_count, KEPT + 1);
        tear_down(&fixture);
}

TEST(lets_no_more_calls_go_at_once_than_allowed_and_queues_the_rest)
{
        struct background calls[4];
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        for (size_t i = 0; i < 4; i++)
                start_background(&fixture, &calls[i], 2000);
        turn_loop(&fixture, 30);
        assert_int_equal(fixture.peer.request_count, 2);
        peer_send(&fixture.peer, OK_KEPT);
        turn_loop(&fixture, 30);
        assert_int_equal(fixture.peer.request_count, 3);
        assert_int_equal(calls[0].answered + calls[1].answered, 1);
        http_client_free(take(fixture.client));
        turn_loop(&fixture, 10);
        for (size_t i = 0; i < 4; i++)
                assert_true(calls[i].ended);
        tear_down(&fixture);
}

TEST(waits_for_a_turn_no_longer_than_its_own_time)
{
        struct background calls[3];
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        start_background(&fixture, &calls[0], 2000);
        start_background(&fixture, &calls[1], 2000);
        start_background(&fixture, &calls[2], 30);
        turn_loop(&fixture, 60);
        assert_true(calls[2].ended);
        assert_false(calls[2].answered);
        assert_non_null(strstr(calls[2].err.text, "no turn in time"));
        http_client_free(take(fixture.client));
        tear_down(&fixture);
}

TEST(ends_a_cancelled_call_and_gives_its_turn_on)
{
        struct background calls[3];
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        for (size_t i = 0; i < 3; i++)
                start_background(&fixture, &calls[i], 2000);
        turn_loop(&fixture, 30);
        fiber_cancel(calls[0].fiber);
        turn_loop(&fixture, 30);
        assert_true(calls[0].ended);
        assert_non_null(strstr(calls[0].err.text, "cancelled"));
        assert_int_equal(fixture.peer.request_count, 3);
        http_client_free(take(fixture.client));
        turn_loop(&fixture, 10);
        assert_true(calls[2].ended);
        assert_non_null(strstr(calls[2].err.text, "the client was closed"));
        tear_down(&fixture);
}

TEST(loses_no_turn_that_was_granted_to_a_cancelled_call)
{
        struct background calls[4];
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        for (size_t i = 0; i < 3; i++)
                start_background(&fixture, &calls[i], 2000);
        turn_loop(&fixture, 30);
        fiber_cancel(calls[0].fiber); /* its turn goes to the third, which is cancelled too */
        fiber_cancel(calls[2].fiber);
        turn_loop(&fixture, 30);
        assert_true(calls[0].ended && calls[2].ended);
        start_background(&fixture, &calls[3], 2000);
        turn_loop(&fixture, 30);
        assert_int_equal(fixture.peer.request_count, 3);
        http_client_free(take(fixture.client));
        tear_down(&fixture);
}

static bool open_stream(struct fixture *fixture, struct http_stream **stream, struct error *err)
{
        struct http_request request = make_request(fixture);

        request.limit_bytes = 100000;
        return http_stream_open(fixture->client, &request, stream, &fixture->reply, err);
}

static void expect_line(struct http_stream *stream, const char *expected)
{
        struct error err = { 0 };
        const char *line;
        size_t length;

        assert_ok(http_stream_read_line(stream, 1000, &line, &length, &err));
        assert_string_equal(line, expected);
        assert_int_equal(length, strlen(expected));
}

static void expect_end(struct http_stream *stream)
{
        struct error err = { .kind = ERROR_INTERNAL };
        const char *line = "untouched";
        size_t length;

        assert_false(http_stream_read_line(stream, 1000, &line, &length, &err));
        assert_int_equal(err.kind, ERROR_NONE);
        assert_string_equal(line, "untouched");
}

TEST(reads_lines_however_they_arrive)
{
        static const struct peer_answer answers[] = {
                { STREAM_HEAD "one\ntw", PEER_KEEPS }
        };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };
        const char *line;
        size_t length;

        set_up(&fixture, answers, 1);
        assert_ok(open_stream(&fixture, &stream, &err));
        expect_line(stream, "one");
        assert_fails(http_stream_read_line(stream, 20, &line, &length, &err), ERROR_UNAVAILABLE,
                     "timed out");
        peer_send(&fixture.peer, "o\n\nthree\n");
        expect_line(stream, "two");
        expect_line(stream, "");
        expect_line(stream, "three");
        peer_finish(&fixture.peer, PEER_CLOSES);
        expect_end(stream);
        expect_end(stream);
        http_stream_free(stream);
        tear_down(&fixture);
}

TEST(reports_a_stream_that_breaks_in_the_middle_of_a_line)
{
        static const struct {
                struct peer_answer answer;
                const char *words;
        } cases[] = {
                { { STREAM_HEAD "half", PEER_CLOSES },                                               "ended in the middle of a line" },
                { { STREAM_HEAD "half", PEER_RESETS },                                               "broke off"                     },
                { { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", PEER_CLOSES },
                 "broke off"                                                                                                         },
        };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };
        const char *line;
        size_t length;

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                set_up(&fixture, &cases[i].answer, 1);
                if (open_stream(&fixture, &stream, &err))
                        assert_fails(http_stream_read_line(stream, 1000, &line, &length, &err),
                                     ERROR_UNAVAILABLE, cases[i].words);
                http_stream_free(take(stream));
                tear_down(&fixture);
        }
}

TEST(refuses_a_line_over_the_limit)
{
        scoped(buf_clear) struct buf answer = { 0 };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };
        const char *line;
        size_t length;

        buf_add(&answer, STREAM_HEAD);
        for (int i = 0; i < 30000; i++)
                buf_add(&answer, "0123456789");
        const struct peer_answer answers[] = {
                { answer.text, PEER_KEEPS }
        };
        set_up(&fixture, answers, 1);
        assert_ok(open_stream(&fixture, &stream, &err));
        assert_fails(http_stream_read_line(stream, 1000, &line, &length, &err), ERROR_UNAVAILABLE,
                     "longer than 100000 bytes");
        http_stream_free(stream);
        tear_down(&fixture);
}

TEST(makes_the_sender_wait_while_nobody_reads)
{
        enum { LINES = 200000 };
        scoped(buf_clear) struct buf answer = { 0 };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };
        const char *line;
        size_t length;

        buf_add(&answer, STREAM_HEAD);
        for (int i = 0; i < LINES; i++)
                buf_printf(&answer, "%099d\n", i);
        const struct peer_answer answers[] = {
                { answer.text, PEER_CLOSES }
        };
        set_up(&fixture, answers, 1);
        assert_ok(open_stream(&fixture, &stream, &err));
        turn_loop(&fixture, 200);
        assert_non_null(fixture.peer.latest); /* still has bytes to send */
        for (int i = 0; i < LINES; i++) {
                assert_ok(http_stream_read_line(stream, 1000, &line, &length, &err));
                assert_int_equal(length, 99);
                assert_int_equal(strtol(line, NULL, 10), i);
        }
        assert_false(http_stream_read_line(stream, 1000, &line, &length, &err));
        assert_int_equal(err.kind, ERROR_NONE);
        http_stream_free(stream);
        tear_down(&fixture);
}

TEST(opens_no_stream_on_another_status)
{
        static const struct peer_answer answers[] = {
                { PEER_JSON("410 Gone", "{\"code\":410}"), PEER_CLOSES },
        };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        assert_false(open_stream(&fixture, &stream, &err));
        assert_int_equal(err.http_status, 410);
        assert_int_equal(fixture.reply.status, 410);
        assert_string_equal(buf_text(&fixture.reply.body), "{\"code\":410}");
        assert_null(stream);
        tear_down(&fixture);
}

TEST(ends_a_stream_whose_client_is_freed)
{
        static const struct peer_answer answers[] = {
                { STREAM_HEAD, PEER_KEEPS }
        };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };
        const char *line;
        size_t length;

        set_up(&fixture, answers, 1);
        assert_ok(open_stream(&fixture, &stream, &err));
        http_client_free(take(fixture.client));
        assert_fails(http_stream_read_line(stream, 1000, &line, &length, &err), ERROR_UNAVAILABLE,
                     "the client was closed");
        http_stream_free(stream);
        tear_down(&fixture);
}
