#include "server/identity.h"

#include "lib/fiber.h"
#include "lib/http/http_client.h"
#include "lib/http/http_connection.h"
#include "lib/http/http_server.h"
#include "tests/unit/lib/http/peer.h"

#define STATUS(state, tun) \
        PEER_JSON("200 OK", "{\"BackendState\":\"" state "\",\"TUN\":" tun \
                            ",\"Self\":{\"ID\":\"self\",\"TailscaleIPs\":[\"100.64.0.1\"]," \
                            "\"Tags\":[\"tag:tka\",\"tag:a\"]}}")
#define WHOIS(id, login, more) \
        PEER_JSON("200 OK", \
                  "{\"Node\":{\"StableID\":\"" id "\",\"ComputedName\":\"laptop\"" more \
                  "},\"UserProfile\":{\"ID\":1,\"LoginName\":\"" login "\"},\"CapMap\":null}")
#define NO_MATCH \
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" \
        "no match for it\n"

/* A server that answers who is asking, beside a tailscaled that answers from a script. */
struct fixture {
        struct loop *loop;
        struct peer peer;
        struct tailscale *tailscale;
        struct config config;
        struct identity *identity;
        struct http_server *server;
        struct http_client *client;
        char folder[48], path[64];
};

static bool handle_who(void *owner, struct http_exchange *exchange, struct error *err)
{
        struct fixture *fixture = owner;
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };

        if (!identity_check(fixture->identity, exchange, &whois, err))
                return false;
        http_exchange_reply(exchange, 200, "text/plain", whois.login, strlen(whois.login));
        return true;
}

static void set_up(struct fixture *fixture, const struct peer_answer *answers, size_t count)
{
        static const struct http_route route = { "GET", "/who", false, handle_who };
        static const struct http_client_options client = { .in_flight = 4, .user_agent = "test" };
        struct http_server_options options = { .routes = &route, .route_count = 1 };
        struct error err = { 0 };

        *fixture = (struct fixture){ .loop = loop_new(), .folder = "/tmp/test_identity.XXXXXX" };
        assert_non_null(mkdtemp(fixture->folder));
        snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->folder);
        peer_start_unix(&fixture->peer, fixture->loop, fixture->path, answers, count);
        text_list_add(&fixture->config.capabilities, "x/cap");
        fixture->config.socket = fixture->path;
        fixture->tailscale = tailscale_new(fixture->loop, fixture->path);
        fixture->identity = identity_new(fixture->loop, fixture->tailscale, &fixture->config);
        options.owner = fixture;
        fixture->server = http_server_new(fixture->loop, &options);
        assert_ok(http_server_listen_on(fixture->server, "127.0.0.1", 0, NULL, &err));
        fixture->client = http_client_new(fixture->loop, &client);
}

static void tear_down(struct fixture *fixture)
{
        http_client_free(fixture->client);
        http_server_free(fixture->server);
        identity_free(fixture->identity);
        tailscale_free(fixture->tailscale);
        text_list_clear(&fixture->config.capabilities);
        peer_stop(&fixture->peer);
        loop_free(fixture->loop);
        unlink(fixture->path);
        rmdir(fixture->folder);
}

/* The status of the answer; its body must hold words. */
static int ask(struct fixture *fixture, const char *header, const char *words)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped_free char *url =
                xasprintf("http://127.0.0.1:%d/who", http_server_port(fixture->server));
        const char *const headers[] = { header, NULL };
        const struct http_request request = {
                .url = url, .headers = headers, .timeout_ms = 5000, .limit_bytes = 4096
        };
        struct error err = { 0 };

        assert_ok(http_client_send(fixture->client, &request, &reply, &err));
        if (strstr(buf_text(&reply.body), words) == NULL)
                fail_msg("\"%s\" is not in: %s", words, buf_text(&reply.body));
        return reply.status;
}

TEST(a_person_on_a_node_is_known_by_the_whole_login_name)
{
        static const struct peer_answer answers[] = {
                { STATUS("Running", "false"), PEER_CLOSES },
                { WHOIS("n2", "alice@example.com", ""), PEER_CLOSES },
        };
        struct fixture fixture;

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_int_equal(ask(&fixture, NULL, "alice@example.com"), 200);
        assert_string_equal(identity_issuer(fixture.identity), "tag:a,tag:tka/x/cap");
        tear_down(&fixture);
}

TEST(refuses_what_comes_through_funnel_without_asking)
{
        struct fixture fixture;

        set_up(&fixture, NULL, 0);
        assert_int_equal(
                ask(&fixture, "Tailscale-Funnel-Request: ?1", "Unauthorized request from Funnel"),
                403);
        assert_int_equal(fixture.peer.request_count, 0);
        tear_down(&fixture);
}

TEST(refuses_who_is_unknown_expired_tagged_or_this_very_node)
{
        static const struct {
                const char *whois;
                int status;
                const char *words;
        } cases[] = {
                { NO_MATCH, 403, "nobody in the tailnet is known at 127.0.0.1:" },
                { WHOIS("n2", "a@b", ",\"Expired\":true"), 403, "has expired" },
                { WHOIS("self", "a@b", ""), 403, "server's own node" },
                { WHOIS("n2", "tagged-devices", ",\"Tags\":[\"tag:ci\"]"), 400,
                 "tagged nodes not (yet) supported" },
                { PEER_JSON("200 OK", "{}"), 503, "tailscaled" },
                { PEER_JSON("500 Oops", "broken"), 503, "tailscaled" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                const struct peer_answer answers[] = {
                        { STATUS("Running", "false"), PEER_CLOSES },
                        { cases[i].whois, PEER_CLOSES },
                };
                struct fixture fixture;

                set_up(&fixture, answers, ARRAY_LENGTH(answers));
                assert_int_equal(ask(&fixture, NULL, cases[i].words), cases[i].status);
                tear_down(&fixture);
        }
}

TEST(answers_503_while_tailscaled_is_not_running)
{
        static const struct peer_answer answers[] = {
                { STATUS("NeedsLogin", "false"), PEER_CLOSES },
        };
        struct fixture fixture;

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_int_equal(ask(&fixture, NULL, "tailscaled is not running: NeedsLogin"), 503);
        tear_down(&fixture);
}

TEST(believes_no_header_that_names_a_user)
{
        static const struct peer_answer answers[] = {
                { STATUS("Running", "false"), PEER_CLOSES },
                { NO_MATCH, PEER_CLOSES },
        };
        struct fixture fixture;

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_int_equal(ask(&fixture, "Tailscale-User-Login: root@example.com", "nobody"), 403);
        tear_down(&fixture);
}

TEST(with_a_tun_refuses_peers_outside_the_tailnet_without_asking_who_they_are)
{
        static const struct peer_answer answers[] = {
                { STATUS("Running", "true"), PEER_CLOSES },
        };
        struct fixture fixture;

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_int_equal(ask(&fixture, NULL, "127.0.0.1 is no address of the tailnet"), 403);
        assert_false(peer_was_asked(&fixture.peer, "/whois"));
        tear_down(&fixture);
}

static void refresh(void *argument)
{
        struct fixture *fixture = argument;
        struct error err = { 0 };

        assert_fails(identity_refresh(fixture->identity, &err), ERROR_UNAVAILABLE, "cancelled");
}

static void turn(struct fixture *fixture)
{
        struct error err = { 0 };

        assert_ok(wait_ms(fixture->loop, 1, &err));
}

TEST(a_request_that_is_cancelled_says_nothing_of_tailscaled)
{
        static const struct peer_answer answers[] = {
                { STATUS("Running", "false"), PEER_CLOSES },
                { NULL, PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_ok(identity_refresh(fixture.identity, &err));
        struct fiber *asking = fiber_start(fixture.loop, refresh, &fixture);

        while (fixture.peer.request_count < 2)
                turn(&fixture);
        fiber_cancel(asking);
        while (fiber_count() > 0)
                turn(&fixture);
        assert_ok(identity_is_running(fixture.identity, &err));
        tear_down(&fixture);
}

/* Somebody at an address of the tailnet that the server does not know yet. */
struct newcomer {
        struct fixture *fixture;
        bool over, known;
};

static void check_newcomer(void *argument)
{
        struct newcomer *newcomer = argument;
        struct http_connection connection = { .peer_text = "100.64.0.2:1" };
        const struct http_exchange exchange = { .connection = &connection };
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };
        struct error err = { 0 };

        newcomer->known = identity_check(newcomer->fixture->identity, &exchange, &whois, &err);
        newcomer->over = true;
}

TEST(who_waits_for_the_list_of_peers_asks_when_the_request_that_asked_for_it_ends)
{
        static const struct peer_answer answers[] = {
                { STATUS("Running", "true"), PEER_CLOSES },
                { NULL, PEER_KEEPS },
                { PEER_JSON("200 OK",
                 "{\"BackendState\":\"Running\",\"TUN\":true,\"Self\":{\"ID\":"
                            "\"self\",\"TailscaleIPs\":[\"100.64.0.1\"]},\"Peer\":{\"k\":{"
                            "\"ID\":\"n2\",\"TailscaleIPs\":[\"100.64.0.2\"]}}}"),
                 PEER_CLOSES },
                { WHOIS("n2", "alice@example.com", ""), PEER_CLOSES },
        };
        struct fixture fixture;
        struct newcomer leaves = { .fixture = &fixture }, stays = { .fixture = &fixture };
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_ok(identity_refresh(fixture.identity, &err));
        struct fiber *asking = fiber_start(fixture.loop, check_newcomer, &leaves);
        fiber_start(fixture.loop, check_newcomer, &stays);
        while (fixture.peer.request_count < 2)
                turn(&fixture);
        fiber_cancel(asking);
        while (!stays.over)
                turn(&fixture);
        assert_true(leaves.over);
        assert_false(leaves.known);
        assert_true(stays.known);
        tear_down(&fixture);
}
