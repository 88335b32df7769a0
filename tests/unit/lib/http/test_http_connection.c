#include "lib/http/http_connection.h"

#include "tests/unit/lib/http/http_world.h"

TEST(answers_and_keeps_the_connection_for_the_next_request)
{
        scoped(buf_clear) struct buf heard = { 0 };

        open_world();
        int fd = dial();

        say(fd, GET("/now"));
        assert_true(hear(fd, "\r\n\r\nnow\n", &heard));
        assert_has(heard.text, "HTTP/1.1 200 OK\r\n");
        assert_has(heard.text, "Cache-Control: no-store\r\n");
        assert_has(heard.text, "Content-Type: text/plain\r\nContent-Length: 4\r\n");
        assert_null(strstr(heard.text, "Connection: close"));
        assert_string_equal(world.last, "GET /now 200 ");
        buf_truncate(&heard, 0);
        say(fd, "GET /now HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
        assert_true(hear(fd, NULL, &heard));
        assert_has(heard.text, "Connection: close\r\n");
        close(fd);
        close_world();
}

TEST(tells_what_is_wrong_with_a_request_and_closes)
{
        open_world();
        assert_answer("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 505 ", "{\"message\":\"HTTP/1.0 is");
        assert_string_equal(world.last, "  505 HTTP/1.0 is not spoken here, only HTTP/1.1");
        assert_answer("\x16\x03\x01\x02", "400 Bad Request", "Connection: close\r\n");
        assert_answer("GET /\n", "400 Bad", "Trace-Id: ");
        assert_answer("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      "501 Not", "traceparent: 00-");
        assert_int_equal(world.answered, 4);
        close_world();
}

TEST(a_client_that_sends_far_too_much_still_reads_why)
{
        scoped_free char *much = xcalloc(1, 10 << 20);
        scoped(buf_clear) struct buf heard = { 0 };

        memset(much, 'x', 10 << 20);
        open_world();
        int fd = dial();

        say(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 10485760\r\n\r\n");
        say_bytes(fd, much, 10 << 20);
        assert_true(hear(fd, "413 Content Too Large", &heard));
        close(fd);

        fd = dial();
        buf_clear(&heard);
        say(fd, "GET /now HTTP/1.1\r\n" HOST "A: ");
        say_bytes(fd, much, 100000);
        assert_true(hear(fd, "431 Request", &heard));
        close(fd);
        close_world();
}

TEST(who_goes_on_sending_after_the_answer_has_to_wait)
{
        scoped_free char *much = xcalloc(1, 1 << 20);
        int fd, sent_bytes = 0;

        open_world();
        world.server->linger_ms = 60000;
        fd = dial();
        say(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\n");
        for (int i = 0; i < 200; i++) {
                ssize_t sent = send(fd, much, 1 << 20, MSG_DONTWAIT | MSG_NOSIGNAL);

                sent_bytes += sent > 0 ? (int)sent : 0;
                turn(1);
        }
        assert_true(sent_bytes > LIMIT_HTTP_THROWN_AWAY && sent_bytes < 32 << 20);
        close(fd);
        close_world();
}

TEST(a_request_that_drips_ends_at_one_deadline)
{
        scoped(buf_clear) struct buf heard = { 0 };
        int64_t start_ms = loop_now_ms();

        open_world();
        world.server->read_ms = 150;
        int fd = dial();

        while (world.answered == 0 && loop_now_ms() - start_ms < PATIENCE_MS) {
                say(fd, heard.length ? "a" : "GET /now");
                turn(20);
        }
        assert_true(world.answered > 0);
        assert_true(hear(fd, "408 Request Timeout", &heard));
        close(fd);
        close_world();
}

TEST(half_a_body_ends_at_the_same_deadline)
{
        open_world();
        world.server->read_ms = 100;
        scoped(buf_clear) struct buf heard = { 0 };
        int fd = dial();

        say(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel");
        assert_true(hear(fd, "408 Request", &heard));
        close(fd);
        close_world();
}

TEST(an_idle_connection_is_closed_without_a_word)
{
        scoped(buf_clear) struct buf heard = { 0 };

        open_world();
        world.server->read_ms = 60;
        world.server->idle_ms = 60;
        int fresh = dial();
        int used = dial();

        say(used, GET("/now"));
        assert_true(hear(used, "now\n", &heard));
        buf_truncate(&heard, 0);
        assert_true(hear(fresh, NULL, &heard));
        assert_true(hear(used, NULL, &heard));
        assert_int_equal(heard.length, 0);
        close(fresh);
        close(used);
        close_world();
}

TEST(a_client_that_does_not_read_its_answer_is_dropped)
{
        open_world();
        world.server->write_ms = 500;
        int fd = dial();
        int64_t start_ms = loop_now_ms();

        say(fd, GET("/big"));
        wait_until(&world.answered, 1);
        assert_non_null(world.server->connections);
        while (world.server->connections && loop_now_ms() - start_ms < PATIENCE_MS)
                turn(10);
        assert_null(world.server->connections);
        close(fd);
        close_world();
}

TEST(a_large_answer_arrives_whole)
{
        open_world();
        scoped(buf_clear) struct buf heard = { 0 };
        int fd = dial();

        say(fd, "GET /big HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
        assert_true(hear(fd, NULL, &heard));
        assert_true(heard.length > BIG && heard.length < BIG + 1000);
        close(fd);
        close_world();
}

TEST(pipelined_requests_are_answered_in_order)
{
        open_world();
        scoped(buf_clear) struct buf heard = { 0 };
        int fd = dial();

        say(fd, GET("/now") GET("/held") GET("/nowhere") GET("/now"));
        wait_until(&world.holding, 1);
        turn(5);
        assert_int_equal(world.answered, 1);
        wait_wake(&world.held);
        wait_until(&world.answered, 4);
        shutdown(fd, SHUT_WR);
        assert_true(hear(fd, NULL, &heard));
        const char *held = strstr(heard.text, "held\n");
        const char *refused = held ? strstr(held, "404 Not Found") : NULL;

        assert_non_null(refused);
        assert_has(refused, "\r\n\r\nnow\n");
        assert_true(strstr(heard.text, "now\n") < held);
        close(fd);
        close_world();
}

TEST(thousands_of_pipelined_requests_do_not_deepen_the_stack)
{
        enum { COUNT = 5000 };
        scoped(buf_clear) struct buf all = { 0 };
        scoped(buf_clear) struct buf heard = { 0 };

        for (int i = 0; i < COUNT; i++)
                buf_add(&all, i % 2 ? GET("/now") : GET("/fail"));
        open_world();
        int fd = dial();

        say_bytes(fd, all.text, all.length);
        shutdown(fd, SHUT_WR);
        while (world.answered < COUNT && hear(fd, "never", &heard))
                turn(0);
        assert_int_equal(world.answered, COUNT);
        close(fd);
        close_world();
}

TEST(who_pipelines_takes_turns_with_others)
{
        enum { COUNT = 100 }; /* which arrive in one piece */
        scoped(buf_clear) struct buf all = { 0 };
        int64_t end_ms = loop_now_ms() + PATIENCE_MS;
        char byte;

        for (int i = 0; i < COUNT; i++)
                buf_add(&all, GET("/now"));
        open_world();
        int crowd = dial();
        int other = dial();

        turn(5);
        say_bytes(crowd, all.text, all.length);
        say(other, GET("/now"));
        while (recv(other, &byte, 1, MSG_DONTWAIT) < 0 && loop_now_ms() < end_ms)
                turn_once();
        assert_in_range(world.answered, 1, COUNT / 2);
        wait_until(&world.answered, COUNT + 1);
        close(crowd);
        close(other);
        close_world();
}

/* How a client can go while its request is held. */
static void half_close(int fd)
{
        shutdown(fd, SHUT_WR);
}

static void reset(int fd)
{
        struct linger at_once = { .l_onoff = 1 };

        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close(fd);
}

static void flood(int fd)
{
        static const char much[HTTP_HELD_MAX * 2];

        say_bytes(fd, much, sizeof(much));
}

static void close_plainly(int fd)
{
        close(fd);
}

TEST(a_client_that_goes_cancels_what_it_asked_for)
{
        static void (*const ways[])(int fd) = { close_plainly, half_close, reset, flood };

        open_world();
        for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
                int fd = dial();

                say(fd, GET("/held") "GET /no");
                wait_until(&world.holding, 1);
                turn(2);
                assert_int_equal(world.cancelled, i);
                ways[i](fd);
                wait_until(&world.cancelled, (int)i + 1);
                assert_int_equal(world.holding, 0);
                assert_null(world.server->connections);
                close(fd);
        }
        assert_int_equal(world.answered, 0);
        close_world();
}

TEST(an_answer_to_a_client_that_is_gone_is_dropped)
{
        open_world();
        int fd = dial();

        say(fd, GET("/held"));
        wait_until(&world.holding, 1);
        wait_wake(&world.held);
        http_connection_drop(world.server->connections);
        wait_until(&world.holding, 0);
        assert_int_equal(world.answered, 0);
        close(fd);
        close_world();
}

TEST(asks_for_the_body_when_the_client_waits_for_that)
{
        open_world();
        scoped(buf_clear) struct buf heard = { 0 };
        int fd = dial();

        say(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
        assert_true(hear(fd, "HTTP/1.1 100 Continue\r\n\r\n", &heard));
        assert_int_equal(heard.length, 25);
        say(fd, "hi");
        assert_true(hear(fd, "\r\n\r\nhi", &heard));
        close(fd);
        assert_answer("POST /echo HTTP/1.1\r\n" HOST
                      "Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n",
                      "HTTP/1.1 413", "70000");
        close_world();
}
