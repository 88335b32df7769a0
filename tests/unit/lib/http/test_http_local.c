#include "lib/http/http_local.h"

#include <unistd.h>

#include "lib/fiber.h"
#include "lib/http/http_answer.h"
#include "tests/unit/lib/http/peer.h"

#define OK_KEPT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define OK_CLOSING "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"

struct fixture {
        struct loop *loop;
        struct http_local *local;
        struct peer peer;
        char folder[48], path[64];
        const struct http_sink *sink;
        int status;
        struct buf body;
};

static void set_up(struct fixture *fixture, const struct peer_answer *answers, size_t count)
{
        *fixture = (struct fixture){ .loop = loop_new(), .folder = "/tmp/test_http_local.XXXXXX" };
        assert_non_null(mkdtemp(fixture->folder));
        snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->folder);
        const struct http_local_options options = { fixture->path, "local.sock", 2, 1000 };

        peer_start_unix(&fixture->peer, fixture->loop, fixture->path, answers, count);
        fixture->local = http_local_new(fixture->loop, &options);
}

static void turn_loop(struct fixture *fixture, int64_t milliseconds)
{
        struct error err = { 0 };

        assert_ok(wait_ms(fixture->loop, milliseconds, &err));
}

static void tear_down(struct fixture *fixture)
{
        turn_loop(fixture, 5);
        http_local_free(fixture->local);
        turn_loop(fixture, 5);
        peer_stop(&fixture->peer);
        buf_clear(&fixture->body);
        loop_free(fixture->loop);
        unlink(fixture->path);
        rmdir(fixture->folder);
        assert_int_equal(fiber_count(), 0);
}

static bool get(struct fixture *fixture, int64_t timeout_ms, struct error *err)
{
        const struct http_local_request request = { "/x?y=1", timeout_ms, fixture->sink };

        return http_local_get(fixture->local, &request, &fixture->status, &fixture->body, err);
}

static void turn_until(struct fixture *fixture, const bool *condition)
{
        for (int turns = 0; turns < 500 && !*condition; turns++)
                turn_loop(fixture, 4);
        assert_true(*condition);
}

static void turn_until_asked(struct fixture *fixture, size_t requests)
{
        for (int turns = 0; turns < 500 && fixture->peer.request_count < requests; turns++)
                turn_loop(fixture, 4);
        assert_int_equal(fixture->peer.request_count, requests);
}

TEST(brings_the_answer_and_keeps_the_connection)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n", PEER_KEEPS },
                { OK_KEPT,                                                 PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 2);
        assert_ok(get(&fixture, 10000, &err));
        assert_int_equal(fixture.status, 404);
        assert_string_equal(buf_text(&fixture.body), "no!");
        assert_string_equal(buf_text(&fixture.peer.requests),
                            "GET /x?y=1 HTTP/1.1\r\nHost: local.sock\r\n\r\n");
        assert_ok(get(&fixture, 10000, &err));
        assert_string_equal(buf_text(&fixture.body), "hi");
        assert_int_equal(fixture.peer.connection_count, 1);
        tear_down(&fixture);
}

static bool receive(void *owner, const char *bytes, size_t length, struct error *err)
{
        return buf_append(owner, bytes, length) ||
               error_set(err, ERROR_INVALID, "that is too much");
}

/* And what it refuses ends the answer, and its connection. */
TEST(hands_a_sink_what_comes)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT,                                        PEER_KEEPS },
                { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", PEER_KEEPS },
        };
        scoped(buf_clear) struct buf taken = { .limit = 4 };
        const struct http_sink sink = { receive, &taken, 1000 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 2);
        fixture.sink = &sink;
        assert_ok(get(&fixture, 10000, &err));
        assert_string_equal(buf_text(&taken), "hi");
        assert_string_equal(buf_text(&fixture.body), "");
        assert_fails(get(&fixture, 20, &err), ERROR_UNAVAILABLE, "no answer within 20 ms");
        assert_int_equal(fixture.peer.connection_count, 1);
        tear_down(&fixture);
}

TEST(gives_up_on_an_answer_that_its_sink_refuses)
{
        static const struct peer_answer answer = { OK_KEPT, PEER_KEEPS };
        scoped(buf_clear) struct buf taken = { .limit = 1 };
        const struct http_sink sink = { receive, &taken, 1000 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, &answer, 1);
        fixture.sink = &sink;
        assert_fails(get(&fixture, 10000, &err), ERROR_INVALID, "that is too much");
        fixture.sink = NULL;
        assert_ok(get(&fixture, 10000, &err));
        assert_int_equal(fixture.peer.connection_count, 2);
        tear_down(&fixture);
}

TEST(opens_another_connection_when_the_answer_ends_this_one)
{
        static const struct peer_answer answers[] = {
                { OK_CLOSING,                  PEER_KEEPS  },
                { "HTTP/1.1 200 OK\r\n\r\nhi", PEER_CLOSES },
                { OK_KEPT "surplus",           PEER_KEEPS  },
                { OK_KEPT,                     PEER_KEEPS  },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 4);
        assert_ok(get(&fixture, 10000, &err));
        assert_ok(get(&fixture, 10000, &err));
        assert_string_equal(buf_text(&fixture.body), "hi");
        assert_fails(get(&fixture, 10000, &err), ERROR_INVALID, "bytes behind its end");
        assert_ok(get(&fixture, 10000, &err));
        assert_int_equal(fixture.peer.connection_count, 4);
        tear_down(&fixture);
}

TEST(notices_that_a_kept_connection_was_closed_meanwhile)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_CLOSES },
                { OK_KEPT, PEER_KEEPS  },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 2);
        assert_ok(get(&fixture, 10000, &err));
        turn_loop(&fixture, 20);
        assert_ok(get(&fixture, 10000, &err));
        assert_int_equal(fixture.peer.request_count, 2);
        tear_down(&fixture);
}

/* The second answer of the script is none: the connection is closed when it is asked. */
TEST(asks_again_when_a_kept_connection_is_closed_as_it_is_used)
{
        static const struct peer_answer answers[] = {
                { OK_KEPT, PEER_KEEPS  },
                { NULL,    PEER_CLOSES },
                { OK_KEPT, PEER_KEEPS  },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 3);
        assert_ok(get(&fixture, 10000, &err));
        assert_ok(get(&fixture, 10000, &err));
        assert_int_equal(fixture.peer.request_count, 3);
        assert_int_equal(fixture.peer.connection_count, 2);
        tear_down(&fixture);
}

TEST(asks_no_second_time_once_an_answer_began_or_the_connection_was_fresh)
{
        static const struct peer_answer begun[] = {
                { OK_KEPT, PEER_KEEPS  },
                { "HTTP",  PEER_CLOSES },
        };
        static const struct peer_answer fresh[] = {
                { NULL, PEER_CLOSES },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, begun, 2);
        assert_ok(get(&fixture, 10000, &err));
        assert_fails(get(&fixture, 10000, &err), ERROR_UNAVAILABLE, "broke off while answering");
        assert_string_equal(buf_text(&fixture.body), "hi");
        assert_int_equal(fixture.peer.request_count, 2);
        tear_down(&fixture);

        set_up(&fixture, fresh, 1);
        assert_fails(get(&fixture, 10000, &err), ERROR_UNAVAILABLE, "closed without an answer");
        assert_int_equal(fixture.peer.request_count, 1);
        tear_down(&fixture);
}

TEST(gives_up_in_time_and_uses_that_connection_no_more)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", PEER_KEEPS },
                { OK_KEPT,                                            PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 2);
        fixture.status = 7;
        assert_fails(get(&fixture, 50, &err), ERROR_UNAVAILABLE, "socket: no answer within 50 ms");
        assert_int_equal(fixture.status, 7);
        assert_ok(get(&fixture, 10000, &err));
        assert_int_equal(fixture.peer.connection_count, 2);
        tear_down(&fixture);
}

TEST(says_why_there_is_no_connection)
{
        const struct http_local_options too_long = {
                "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
                "0123456789/0123456789/012345678",
                "x", 1, 1000
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, NULL, 0);
        unlink(fixture.path);
        assert_fails(get(&fixture, 10000, &err), ERROR_UNAVAILABLE,
                     "socket: cannot connect: No such file or directory");
        http_local_free(fixture.local);
        fixture.local = http_local_new(fixture.loop, &too_long);
        assert_fails(get(&fixture, 10000, &err), ERROR_INVALID, "has at most 107 bytes");
        tear_down(&fixture);
}

/* A call on a fiber of its own. */
struct background {
        struct fixture *fixture;
        struct fiber *fiber;
        bool ended, answered;
        struct error err;
};

static void run_background(void *argument)
{
        struct background *call = argument;
        scoped(buf_clear) struct buf body = { 0 };
        int status = 0;

        const struct http_local_request request = { "/", 20000, NULL };

        call->answered = http_local_get(call->fixture->local, &request, &status, &body, &call->err);
        call->ended = true;
}

static void start_background(struct fixture *fixture, struct background *call)
{
        *call = (struct background){ .fixture = fixture };
        call->fiber = fiber_start(fixture->loop, run_background, call);
}

TEST(lets_no_more_calls_go_at_once_than_allowed)
{
        struct background calls[3];
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        for (size_t i = 0; i < 3; i++)
                start_background(&fixture, &calls[i]);
        turn_until_asked(&fixture, 2);
        turn_loop(&fixture, 20);
        assert_int_equal(fixture.peer.connection_count, 2);
        peer_send(&fixture.peer, OK_KEPT);
        turn_until_asked(&fixture, 3);
        assert_int_equal(fixture.peer.connection_count, 2);
        http_local_free(take(fixture.local));
        for (size_t i = 0; i < 3; i++)
                turn_until(&fixture, &calls[i].ended);
        assert_int_equal(calls[0].answered + calls[1].answered + calls[2].answered, 1);
        tear_down(&fixture);
}

TEST(ends_a_cancelled_call_and_one_whose_client_is_freed)
{
        struct background calls[2];
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        start_background(&fixture, &calls[0]);
        start_background(&fixture, &calls[1]);
        turn_until_asked(&fixture, 2);
        fiber_cancel(calls[0].fiber);
        turn_until(&fixture, &calls[0].ended);
        assert_non_null(strstr(calls[0].err.text, "cancelled"));
        http_local_free(take(fixture.local));
        turn_until(&fixture, &calls[1].ended);
        assert_non_null(strstr(calls[1].err.text, "the client was closed"));
        tear_down(&fixture);
}
