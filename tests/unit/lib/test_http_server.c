#include "lib/http_server.h"

#include "tests/unit/lib/http_world.h"

TEST(no_more_connections_than_the_limit_are_open_at_once)
{
        open_world();
        world.server->limit_connections = 2;
        scoped(buf_clear) struct buf heard = { 0 };
        int first = dial();
        int second = dial();

        turn(5);
        int third = dial();

        say(third, GET("/now"));
        turn(20);
        assert_int_equal(world.answered, 0);
        close(first);
        assert_true(hear(third, "now\n", &heard));
        close(second);
        close(third);
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
        http_server_drain(world.server, 30);
        assert_int_equal(world.holding, 1);
        assert_true(hear(idle, NULL, &nothing));
        wait_wake(&world.held);
        assert_true(hear(fd, NULL, &heard));
        assert_has(heard.text, "Connection: close\r\n");
        assert_has(heard.text, "held\n");
        close(fd);
        close(idle);
        int64_t start_ms = loop_now_ms();

        http_server_drain(world.server, PATIENCE_MS);
        assert_true(loop_now_ms() - start_ms < PATIENCE_MS / 2);
        assert_null(world.server->connections);
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
