/* http_client: kept connections, and calls that wait for their turn. */
#include "lib/http/http_client.h"

#include "lib/fd.h"
#include "tests/unit/lib/http/http_fixture.h"

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

/* Its queue of connections is full with one, which *filler is, and further ones are not heard. */
static void crowd(struct fixture *fixture, int *filler)
{
        int fd = evconnlistener_get_fd(fixture->peer.listener);
        struct sockaddr_in address;
        socklen_t length = sizeof(address);

        evconnlistener_disable(fixture->peer.listener);
        assert_int_equal(listen(fd, 0), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
        *filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (*filler < 0 || connect(*filler, (struct sockaddr *)&address, length) != 0)
                fail_msg("%s", strerror(errno));
}

static void open_up(void *argument)
{
        struct fixture *fixture = argument;

        turn_loop(fixture, 250);
        evconnlistener_enable(fixture->peer.listener);
}

TEST(tries_again_where_no_connection_comes_about_and_asks_once)
{
        scoped(fd_close) int filler = -1;
        struct fixture fixture;
        struct error err = { 0 };

        set_up_keeping(&fixture);
        crowd(&fixture, &filler);
        struct http_request request = make_request(&fixture);
        request.connect_timeout_ms = 100;
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "no connection in time");
        request.connect_tries = 2;
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "no connection in time");
        request.connect_timeout_ms = 5000;
        request.timeout_ms = 50;
        assert_fails(send_request(&fixture, &request, &err), ERROR_UNAVAILABLE,
                     "no connection within 50 ms");
        request.connect_timeout_ms = 100;
        request.connect_tries = 100;
        request.timeout_ms = 10000;
        fiber_start(fixture.loop, open_up, &fixture);
        assert_ok(send_request(&fixture, &request, &err));
        assert_int_equal(fixture.peer.request_count, 1);
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

/* Two have their turn and wait for a peer that says nothing; the others wait for a turn. */
static void begin_waiting(struct fixture *fixture, struct background *calls, size_t count)
{
        set_up(fixture, NULL, 0);
        for (size_t i = 0; i < count; i++)
                start_background(fixture, &calls[i], 20000);
        turn_until_asked(fixture, 2);
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
                start_background(&fixture, &calls[i], 20000);
        for (size_t i = 0; i < KEPT; i++)
                turn_until(&fixture, &calls[i].answered);
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

        begin_waiting(&fixture, calls, 4);
        turn_loop(&fixture, 20);
        assert_int_equal(fixture.peer.request_count, 2);
        peer_send(&fixture.peer, OK_KEPT);
        turn_until_asked(&fixture, 3);
        assert_int_equal(calls[0].answered + calls[1].answered, 1);
        http_client_free(take(fixture.client));
        for (size_t i = 0; i < 4; i++)
                turn_until(&fixture, &calls[i].ended);
        tear_down(&fixture);
}

TEST(waits_for_a_turn_no_longer_than_its_own_time)
{
        struct background calls[3];
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        start_background(&fixture, &calls[0], 20000);
        start_background(&fixture, &calls[1], 20000);
        start_background(&fixture, &calls[2], 30);
        turn_until(&fixture, &calls[2].ended);
        assert_false(calls[2].answered);
        assert_non_null(strstr(calls[2].err.text, "no turn in time"));
        http_client_free(take(fixture.client));
        tear_down(&fixture);
}

TEST(ends_a_cancelled_call_and_gives_its_turn_on)
{
        struct background calls[3];
        struct fixture fixture;

        begin_waiting(&fixture, calls, 3);
        fiber_cancel(calls[0].fiber);
        turn_until(&fixture, &calls[0].ended);
        assert_non_null(strstr(calls[0].err.text, "cancelled"));
        turn_until_asked(&fixture, 3);
        http_client_free(take(fixture.client));
        turn_until(&fixture, &calls[2].ended);
        assert_non_null(strstr(calls[2].err.text, "the client was closed"));
        tear_down(&fixture);
}

TEST(loses_no_turn_that_was_granted_to_a_cancelled_call)
{
        struct background calls[4];
        struct fixture fixture;

        begin_waiting(&fixture, calls, 3);
        fiber_cancel(calls[0].fiber); /* its turn goes to the third, which is cancelled too */
        fiber_cancel(calls[2].fiber);
        turn_until(&fixture, &calls[0].ended);
        turn_until(&fixture, &calls[2].ended);
        start_background(&fixture, &calls[3], 20000);
        turn_until_asked(&fixture, 3);
        http_client_free(take(fixture.client));
        tear_down(&fixture);
}
