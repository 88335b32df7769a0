#include "lib/http/http_server.h"

#include "tests/unit/lib/http/http_world.h"

TEST(gives_the_handler_what_was_sent_and_from_where)
{
        open_world();
        assert_answer("GET /who?a=%2f?b HTTP/1.1\r\n" HOST "X-A: \t b c \r\nX-Empty:\r\n\r\n",
                      "GET|/who|a=%2f?b|127.0.0.1:", "|b c|1|0");
        assert_answer(GET("/who"), "GET|/who||127.0.0.1:", "|none|0|0");
        assert_answer(GET("/who"), "X-Sent: a  X-Evil: b\r\n", "");
        assert_answer("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
                      "Content-Length: 5", "\r\n\r\nhello");
        close_world();
}

TEST(writes_a_peer_of_the_newer_protocol_in_brackets)
{
        struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        scoped(buf_clear) struct buf heard = { 0 };
        int fd = open_socket(AF_INET6);

        open_world_at("::1");
        to.sin6_port = htons((uint16_t)http_server_port(world.server));
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        say(fd, GET("/who"));
        assert_true(hear(fd, "|none|0|1", &heard));
        assert_has(heard.text, "|[::1]:");
        close(fd);
        close_world();
}

TEST(a_head_request_gets_the_head_alone)
{
        open_world();
        scoped_free char *answer = ask("HEAD /now HTTP/1.1\r\n" HOST "\r\n");

        assert_has(answer, "Content-Length: 4\r\n");
        assert_string_equal(answer + strlen(answer) - 4, "\r\n\r\n");
        close_world();
}

TEST(a_handler_that_fails_gives_its_words_and_its_advice)
{
        open_world();
        assert_answer(GET("/fail"), "HTTP/1.1 503 Service Unavailable\r\n", "Retry-After: 3\r\n");
        assert_answer(GET("/fail"),
                      "{\"message\":\"tailscaled is \\\"away\\\"\",\"advice\":[\"start it\"]}",
                      "Content-Type: application/json\r\n");
        assert_string_equal(world.last, "GET /fail 503 tailscaled is \"away\"");
        assert_answer(GET("/silence"), "500 Internal", "GET /silence was left without an answer");
        close_world();
}

TEST(continues_the_trace_it_was_given_and_no_other)
{
        static const char *const malformed[] = {
                "00-0af7651916cd43dd8448eb211c80319C-b7ad6b7169203331-01",
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                "",
        };

        open_world();
        assert_answer("GET /now HTTP/1.1\r\n" HOST "traceparent: "
                      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
                      "Trace-Id: 0af7651916cd43dd8448eb211c80319c\r\n",
                      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-");
        for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++) {
                scoped_free char *request = xasprintf(
                        "GET /now HTTP/1.1\r\n" HOST "traceparent: %s\r\n\r\n", malformed[i]);
                scoped_free char *answer = ask(request);

                assert_has(answer, "Trace-Id: ");
                assert_null(strstr(answer, "0af7651916cd43dd8448eb211c80319"));
        }
        close_world();
}

/* As if it had come from there. */
static int dial_from(const char *address)
{
        union http_address peer = { 0 };
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        peer.any.sa_family = strchr(address, ':') ? AF_INET6 : AF_INET;
        assert_int_equal(inet_pton(peer.any.sa_family, address,
                                   strchr(address, ':') ? (void *)&peer.in6.sin6_addr
                                                        : (void *)&peer.in.sin_addr),
                         1);
        http_connection_start(world.server->listeners, fds[1], &peer.any);
        return fds[0];
}

TEST(one_peer_with_two_addresses_has_no_more_connections_than_one)
{
        scoped(buf_clear) struct buf heard = { 0 };
        int fds[4];

        open_world();
        world.server->limit_peer_connections = 1;
        fds[0] = dial_from("100.64.0.2");
        say(fds[0], GET("/named?alice"));
        assert_true(hear(fds[0], "now\n", &heard));
        fds[1] = dial_from("100.64.0.2"); /* told nothing, and closed */
        buf_truncate(&heard, 0);
        assert_true(hear(fds[1], NULL, &heard));
        assert_int_equal(heard.length, 0);
        fds[2] = dial_from("fd7a::2");
        say(fds[2], GET("/named?alice"));
        assert_true(hear(fds[2], NULL, &heard)); /* told, and closed */
        assert_has(heard.text, " 429 ");
        fds[3] = dial_from("fd7a::3");
        say(fds[3], GET("/named?bob"));
        buf_truncate(&heard, 0);
        assert_true(hear(fds[3], "now\n", &heard));
        for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
                close(fds[i]);
        close_world();
}
