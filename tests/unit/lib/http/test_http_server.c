#include "lib/http/http_server.h"

#include "tests/unit/lib/http/http_world.h"

/* Two connections whose owner is known, which have had an answer. */
static void fill(int fds[2])
{
        scoped(buf_clear) struct buf heard = { 0 };

        world.server->limit_connections = 2;
        for (size_t i = 0; i < 2; i++) {
                fds[i] = dial();
                say(fds[i], GET("/named?alice"));
                assert_true(hear(fds[i], "now\n", &heard));
                buf_truncate(&heard, 0);
        }
}

TEST(no_more_connections_than_the_limit_are_open_at_once)
{
        scoped(buf_clear) struct buf heard = { 0 };
        int fds[2];

        open_world();
        fill(fds);
        int third = dial();

        say(third, GET("/now"));
        turn(20);
        assert_int_equal(world.answered, 2);
        close(fds[0]);
        assert_true(hear(third, "now\n", &heard));
        close(fds[1]);
        close(third);
        close_world();
}

TEST(those_who_connect_and_say_nothing_give_way_to_others)
{
        scoped(buf_clear) struct buf heard = { 0 };
        int silent[8];

        open_world();
        world.server->limit_connections = 4;
        for (size_t i = 0; i < ARRAY_LENGTH(silent); i++) {
                silent[i] = dial();
                say(silent[i], "GET /n");
                turn(1);
        }
        int fd = dial();

        say(fd, GET("/named?alice"));
        assert_true(hear(fd, "now\n", &heard));
        buf_truncate(&heard, 0);
        assert_true(hear(silent[0], NULL, &heard));
        assert_int_equal(heard.length, 0);
        for (size_t i = 0; i < ARRAY_LENGTH(silent); i++)
                close(silent[i]);
        close(fd);
        close_world();
}

TEST(those_who_ask_and_do_not_read_the_answer_give_way_too)
{
        scoped(buf_clear) struct buf heard = { 0 };
        int deaf[4];

        open_world();
        world.server->limit_connections = 4;
        for (size_t i = 0; i < ARRAY_LENGTH(deaf); i++) {
                deaf[i] = dial();
                say(deaf[i], GET("/big"));
                wait_until(&world.answered, (int)i + 1);
        }
        int fd = dial();

        say(fd, GET("/named?alice"));
        assert_true(hear(fd, "now\n", &heard));
        for (size_t i = 0; i < ARRAY_LENGTH(deaf); i++)
                close(deaf[i]);
        close(fd);
        close_world();
}

TEST(one_peer_has_no_more_connections_than_its_limit)
{
        scoped(buf_clear) struct buf heard = { 0 };
        static const char *const requests[] = { GET("/named?alice"), GET("/named?alice"),
                                                GET("/named?bob") };
        int fds[ARRAY_LENGTH(requests)];

        open_world();
        world.server->limit_peer_connections = 1;
        for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
                fds[i] = dial();
                say(fds[i], requests[i]);
                assert_true(hear(fds[i], "}\n\0now\n" + (i == 1 ? 0 : 3), &heard));
                assert_has(heard.text, i == 1 ? " 429 " : " 200 ");
                buf_truncate(&heard, 0);
        }
        assert_true(hear(fds[1], NULL, &heard)); /* told, and closed */
        close(fds[0]);
        turn(5);
        fds[0] = dial();
        say(fds[0], GET("/named?alice"));
        assert_true(hear(fds[0], "now\n", &heard));
        for (size_t i = 0; i < ARRAY_LENGTH(requests); i++)
                close(fds[i]);
        close_world();
}

TEST(large_requests_do_not_take_all_memory_and_small_ones_pass_beside_them)
{
        scoped(buf_clear) struct buf heard = { 0 };
        scoped_free char *much = xcalloc(1, 20000);
        int fds[4];

        memset(much, 'x', 20000);
        open_world();
        world.server->limit_held = 50000;
        for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
                fds[i] = dial();
                say(fds[i], "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
                say_bytes(fds[i], much, 20000);
                turn(5);
        }
        assert_true(world.server->held < 60000);
        assert_true(hear(fds[3], "too many large requests", &heard));
        assert_has(heard.text, " 503 ");
        buf_truncate(&heard, 0);
        int small = dial();

        say(small, GET("/now"));
        assert_true(hear(small, "now\n", &heard));
        for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
                close(fds[i]);
        close(small);
        turn(10);
        assert_int_equal(world.server->held, 0);
        close_world();
}

static bool much_is_held(void)
{
        return world.server->held >= 30000;
}

static bool one_is_left(void)
{
        return world.server->connections && !world.server->connections->next;
}

static void turn_until(bool (*is_so)(void))
{
        int64_t end_ms = loop_now_ms() + PATIENCE_MS;

        while (!is_so() && loop_now_ms() < end_ms)
                turn(1);
        assert_true(is_so());
}

TEST(what_comes_behind_a_request_counts_while_its_answer_is_not_read)
{
        scoped_free char *much = xcalloc(1, 30000);
        int fds[2];

        open_world();
        world.server->limit_held = 50000;
        for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
                fds[i] = dial();
                say(fds[i], GET("/big"));
                wait_until(&world.answered, (int)i + 1);
        }
        say_bytes(fds[0], much, 30000);
        turn_until(much_is_held);
        say_bytes(fds[1], much, 30000);
        turn_until(one_is_left);
        close(fds[0]);
        close(fds[1]);
        close_world();
}

TEST(goes_on_accepting_after_the_process_ran_out_of_descriptors)
{
        struct rlimit before = { 0 };
        struct rlimit none = { 0 };

        open_world();
        scoped(buf_clear) struct buf heard = { 0 };
        int fd = dial();

        say(fd, GET("/now"));
        getrlimit(RLIMIT_NOFILE, &before);
        none.rlim_max = before.rlim_max;
        setrlimit(RLIMIT_NOFILE, &none);
        turn(20);
        assert_int_equal(world.answered, 0);
        setrlimit(RLIMIT_NOFILE, &before);
        assert_true(hear(fd, "now\n", &heard));
        close(fd);
        close_world();
}

TEST(drains_by_answering_what_runs_and_closing_what_is_idle)
{
        scoped(buf_clear) struct buf heard = { 0 };
        scoped(buf_clear) struct buf nothing = { 0 };

        open_world();
        int idle = dial();
        int fd = dial();

        say(fd, GET("/held"));
        wait_until(&world.holding, 1);
        wait_wake(&world.held);
        http_server_drain(world.server, PATIENCE_MS);
        assert_true(hear(idle, NULL, &nothing));
        assert_true(hear(fd, NULL, &heard));
        assert_has(heard.text, "Connection: close\r\n");
        assert_has(heard.text, "held\n");
        assert_null(world.server->connections);
        close(fd);
        close(idle);
        close_world();
}

TEST(whoever_was_told_that_the_connection_stays_may_ask_once_more_while_it_drains)
{
        scoped(buf_clear) struct buf heard = { 0 };

        open_world();
        int fd = dial();

        say(fd, GET("/held"));
        wait_until(&world.holding, 1);
        wait_wake(&world.held);
        while (world.answered == 0) /* and no further: what follows the answer is still to come */
                turn_once();
        say(fd, GET("/now"));
        http_server_drain(world.server, PATIENCE_MS);
        assert_true(hear(fd, NULL, &heard));
        assert_has(heard.text, "held\n");
        assert_has(strstr(heard.text, "held\n"), "Connection: close\r\n");
        assert_has(heard.text, "now\n");
        close(fd);
        close_world();
}

TEST(tells_those_who_still_wait_when_a_drain_is_over)
{
        scoped(buf_clear) struct buf heard = { 0 };

        open_world();
        int fd = dial();

        say(fd, GET("/held"));
        wait_until(&world.holding, 1);
        http_server_drain(world.server, 30);
        assert_int_equal(world.cancelled, 1);
        assert_true(hear(fd, NULL, &heard));
        assert_has(heard.text, " 503 ");
        assert_has(heard.text, "Retry-After: 3\r\n");
        assert_has(heard.text, "shutting down");
        close(fd);
        close_world();
}

TEST(drains_those_too_who_have_connected_and_were_not_accepted_yet)
{
        scoped(buf_clear) struct buf heard = { 0 };

        open_world();
        int fd = dial();

        say(fd, GET("/now"));
        http_server_drain(world.server, PATIENCE_MS);
        assert_true(hear(fd, NULL, &heard));
        assert_has(heard.text, "now\n");
        close(fd);
        close_world();
}

TEST(ends_what_runs_when_it_is_freed)
{
        open_world();
        int fd = dial();

        say(fd, GET("/held"));
        wait_until(&world.holding, 1);
        close_world();
        assert_int_equal(world.cancelled, 1);
        http_server_free(NULL);
        close(fd);
}

TEST(says_where_it_could_not_listen)
{
        struct error err = { 0 };

        open_world();
        int port = http_server_port(world.server);

        assert_fails(http_server_listen_on(world.server, "tka", 80, NULL, &err), ERROR_INVALID,
                     "\"tka\" is no IP address");
        assert_fails(http_server_listen_on(world.server, "::1", 70000, NULL, &err), ERROR_INVALID,
                     "70000 is no port");
        assert_fails(http_server_listen_on(world.server, "127.0.0.1", port, NULL, &err),
                     ERROR_UNAVAILABLE, "listening at 127.0.0.1 port ");
        assert_ok(http_server_listen_on(world.server, "127.0.0.1", 0, "lo", &err));
        assert_fails(http_server_listen_on(world.server, "127.0.0.1", 0, "none0", &err),
                     ERROR_UNAVAILABLE, "on interface none0: ");
        close_world();
}

static void assert_answers(int fd)
{
        scoped(buf_clear) struct buf heard = { 0 };

        say(fd, GET("/now"));
        assert_true(hear(fd, "now\n", &heard));
        close(fd);
}

TEST(a_listener_that_is_stopped_leaves_its_connections_alone_and_takes_no_other)
{
        scoped(buf_clear) struct buf heard = { 0 };
        struct sockaddr_in old = { .sin_family = AF_INET };
        struct error err = { 0 };

        open_world();
        old.sin_port = htons((uint16_t)http_server_port(world.server));
        old.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = dial();

        say(fd, GET("/held"));
        wait_until(&world.holding, 1);
        int late = dial(); /* nobody has accepted it yet */

        http_server_stop_listener(world.server->listeners);
        assert_ok(http_server_listen_on(world.server, "127.0.0.1", 0, NULL, &err));
        int refused = open_socket(AF_INET);

        assert_int_equal(connect(refused, (struct sockaddr *)&old, sizeof(old)), -1);
        close(refused);
        assert_answers(dial());
        assert_answers(late);
        wait_wake(&world.held);
        assert_true(hear(fd, "held\n", &heard));
        assert_answers(fd);
        turn(5);
        assert_null(world.server->connections);
        assert_answers(dial());
        close_world();
}

TEST(serves_hundreds_of_held_requests_side_by_side)
{
        int fds[300];

        open_world();
        for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
                fds[i] = dial();
                say(fds[i], "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\na");
                turn(0);
        }
        for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
                say(fds[i], "bc" GET("/now"));
        wait_until(&world.answered, 600);
        for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
                close(fds[i]);
        close_world();
}
