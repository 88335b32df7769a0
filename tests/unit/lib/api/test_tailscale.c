#include "lib/api/tailscale.h"

#include <unistd.h>

#include "lib/fiber.h"
#include "tests/unit/lib/http/peer.h"

struct fixture {
        struct loop *loop;
        struct tailscale *tailscale;
        struct peer peer;
        char folder[48], path[64];
};

static void set_up(struct fixture *fixture, const struct peer_answer *answer)
{
        *fixture = (struct fixture){ .loop = loop_new(), .folder = "/tmp/test_tailscale.XXXXXX" };
        assert_non_null(mkdtemp(fixture->folder));
        snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->folder);
        peer_start_unix(&fixture->peer, fixture->loop, fixture->path, answer, answer ? 1 : 0);
        fixture->tailscale = tailscale_new(fixture->loop, fixture->path);
}

static void tear_down(struct fixture *fixture)
{
        tailscale_free(fixture->tailscale);
        peer_stop(&fixture->peer);
        loop_free(fixture->loop);
        unlink(fixture->path);
        rmdir(fixture->folder);
}

#define NODE \
        "\"Node\":{\"ID\":2,\"StableID\":\"n2\",\"Name\":\"alice.tailnet.test.\"," \
        "\"ComputedName\":\"alice\",\"Online\":true}"
#define PROFILE "\"UserProfile\":{\"ID\":1,\"LoginName\":\"alice@example.com\"}"
#define RULE "{\"role\":\"view\",\"period\":\"10m\"}"

TEST(says_who_is_there)
{
        static const struct peer_answer answer = {
                PEER_JSON("200 OK", "{" NODE "," PROFILE ",\"CapMap\":{\"x/cap\":[" RULE "]}}"),
                PEER_CLOSES
        };
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, &answer);
        assert_ok(tailscale_whois(fixture.tailscale, "[fd7a::2]:80", &whois, &err));
        assert_string_equal(whois.login, "alice@example.com");
        assert_string_equal(whois.user_id, "1");
        assert_string_equal(whois.node_id, "n2");
        assert_string_equal(whois.node_name, "alice");
        assert_int_equal(whois.tags.count, 0);
        assert_false(whois.expired);
        assert_true(whois.online);
        assert_int_equal(json_array_size(json_object_get(whois.capabilities, "x/cap")), 1);
        assert_true(peer_was_asked(&fixture.peer,
                                   "GET /localapi/v0/whois?proto=tcp&addr=%5Bfd7a%3A%3A2%5D%3A80 "
                                   "HTTP/1.1\r\nHost: local-tailscaled.sock\r\n"));
        tear_down(&fixture);
}

TEST(passes_on_tags_expiry_and_missing_capabilities)
{
        static const struct peer_answer answer = {
                PEER_JSON("200 OK",
                          "{\"Node\":{\"StableID\":\"n3\",\"Name\":\"ci.tailnet.test.\","
                          "\"Tags\":[\"tag:ci\"],\"Expired\":true}," PROFILE ",\"CapMap\":null}"),
                PEER_CLOSES
        };
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, &answer);
        assert_ok(tailscale_whois(fixture.tailscale, "100.64.0.3:1", &whois, &err));
        assert_true(text_list_has(&whois.tags, "tag:ci"));
        assert_true(whois.expired);
        assert_false(whois.online);
        assert_string_equal(whois.node_name, "ci");
        assert_null(whois.capabilities);
        tear_down(&fixture);
}

TEST(tells_an_unknown_peer_from_an_unknown_endpoint)
{
        static const struct {
                struct peer_answer answer;
                enum error_kind kind;
                const char *words;
        } cases[] = {
                { { "HTTP/1.1 404 Not Found\r\nContent-Length: 24\r\n\r\nno match for 100.64.0.9\n",
                    PEER_KEEPS },
                 ERROR_NOT_FOUND,                                        "knows nobody at 100.64.0.9:1"                },
                { { "HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n404 page not found\n",
                    PEER_KEEPS },
                 ERROR_UNAVAILABLE,                                      "tailscaled answered 404: 404 page not found" },
                { { "HTTP/1.1 403 Forbidden\r\nContent-Length: 24\r\n\r\ninvalid localapi request",
                    PEER_KEEPS },
                 ERROR_UNAVAILABLE,                                      "403: invalid localapi request"               },
                { { NULL, PEER_CLOSES },              ERROR_UNAVAILABLE, "closed without an answer"                    },
                { { "garbage\r\n\r\n", PEER_CLOSES }, ERROR_UNAVAILABLE, "not HTTP"                                    },
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct tailscale_whois whois = { .expired = true };

                set_up(&fixture, &cases[i].answer);
                assert_fails(tailscale_whois(fixture.tailscale, "100.64.0.9:1", &whois, &err),
                             cases[i].kind, cases[i].words);
                assert_true(whois.expired);
                tear_down(&fixture);
        }
}

TEST(believes_no_answer_that_names_nobody)
{
        static const struct {
                const char *body, *words;
        } cases[] = {
                { "<html>",                                                          "the answer of tailscaled"        },
                { "[]",                                                              "the answer of tailscaled"        },
                { "{" PROFILE "}",                                                   "\"Node\" is missing"             },
                { "{" NODE "}",                                                      "\"UserProfile\" is missing"      },
                { "{\"Node\":{\"Name\":\"x\"}," PROFILE "}",                         "\"StableID\" is missing"         },
                { "{\"Node\":{\"StableID\":\"\"}," PROFILE "}",                      "\"StableID\" is empty"           },
                { "{\"Node\":{\"StableID\":5}," PROFILE "}",                         "\"StableID\" has the wrong type" },
                { "{" NODE ",\"UserProfile\":{\"ID\":1}}",                           "\"LoginName\" is missing"        },
                { "{" NODE ",\"UserProfile\":{\"LoginName\":\"\"}}",                 "\"LoginName\" is empty"          },
                { "{\"Node\":{\"StableID\":\"n\",\"Tags\":\"tag:ci\"}," PROFILE "}",
                 "\"Tags\" has the wrong type"                                                                         },
                { "{\"Node\":{\"StableID\":\"n\",\"Expired\":\"no\"}," PROFILE "}",
                 "\"Expired\" has the wrong type"                                                                      },
                { "{" NODE "," PROFILE ",\"CapMap\":[]}",                            "\"CapMap\" has the wrong type"   },
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct tailscale_whois whois = { 0 };
                scoped_free char *text = xasprintf(PEER_JSON("200 OK", "%s"), cases[i].body);
                const struct peer_answer answer = { text, PEER_CLOSES };

                set_up(&fixture, &answer);
                assert_fails(tailscale_whois(fixture.tailscale, "100.64.0.2:1", &whois, &err),
                             ERROR_UNAVAILABLE, cases[i].words);
                assert_null(whois.login);
                tear_down(&fixture);
        }
}

#define SELF \
        "\"Self\":{\"ID\":\"n9\",\"HostName\":\"tka\",\"DNSName\":\"tka.tailnet.test.\"," \
        "\"TailscaleIPs\":[\"100.64.0.5\",\"fd7a:115c:a1e0::5\"],\"Tags\":[\"tag:tka\"]," \
        "\"Online\":true}"

TEST(tells_the_state_and_the_peers)
{
        static const struct peer_answer answer = {
                PEER_JSON("200 OK",
                          "{\"BackendState\":\"Running\",\"TUN\":true," SELF
                          ",\"Peer\":{\"nodekey:1\":"
                          "{\"ID\":\"n2\",\"HostName\":\"alice\",\"TailscaleIPs\":[\"100.64.0.2\"],"
                          "\"Online\":true}}}"),
                PEER_CLOSES
        };
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, &answer);
        assert_ok(tailscale_status(fixture.tailscale, true, &status, &err));
        assert_true(peer_was_asked(&fixture.peer, "GET /localapi/v0/status HTTP/1.1"));
        assert_true(status.running);
        assert_true(status.tun);
        assert_string_equal(status.self.node_id, "n9");
        assert_true(text_list_has(&status.self.tags, "tag:tka"));
        assert_true(text_list_has(&status.self.addresses, "fd7a:115c:a1e0::5"));
        assert_int_equal(status.peer_count, 1);
        assert_string_equal(status.peers[0].name, "alice");
        assert_true(status.peers[0].online);
        tear_down(&fixture);
}

/* A device chooses its host name, and the control plane passes it on. */
TEST(what_a_device_calls_itself_hides_nobody)
{
        char letters[2000] = "";
        scoped_free char *text =
                xasprintf(PEER_JSON("200 OK", "{\"BackendState\":\"Running\"," SELF ",\"Peer\":{"
                                              "\"a\":{\"ID\":\"n2\",\"HostName\":\"a\\u0000b\"},"
                                              "\"b\":{\"ID\":\"n3\",\"HostName\":\"%s\"},"
                                              "\"c\":{\"ID\":\"n4\",\"HostName\":\"bob\"}}}"),
                          (char *)memset(letters, 'x', sizeof(letters) - 1));
        const struct peer_answer answer = { text, PEER_CLOSES };
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, &answer);
        assert_ok(tailscale_status(fixture.tailscale, true, &status, &err));
        assert_int_equal(status.peer_count, 3);
        assert_string_equal(status.peers[0].node_id, "n2");
        assert_null(status.peers[0].name);
        assert_null(status.peers[1].name);
        assert_string_equal(status.peers[2].name, "bob");
        tear_down(&fixture);
}

/* More than 32 MB, as tailscaled writes them: a byte that HTML knows becomes six. */
TEST(what_devices_call_themselves_fills_no_memory)
{
        enum { LENGTH = 1 << 20, DEVICES = 6 };
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        buf_add(&text, PEER_JSON("200 OK", "{\"BackendState\":\"Running\"," SELF ",\"Peer\":{"));
        for (int i = 0; i < DEVICES; i++) {
                buf_printf(&text, "%s\"%d\":{\"ID\":\"n%d\",\"HostName\":\"", i ? "," : "", i, i);
                for (int letter = 0; letter < LENGTH; letter++)
                        buf_add(&text, "\\u003c");
                buf_add(&text, "\"}");
        }
        buf_add(&text, "}}");
        const struct peer_answer answer = { text.text, PEER_CLOSES };

        set_up(&fixture, &answer);
        assert_ok(tailscale_status(fixture.tailscale, true, &status, &err));
        assert_int_equal(status.peer_count, DEVICES);
        assert_string_equal(status.peers[5].node_id, "n5");
        tear_down(&fixture);
}

TEST(is_not_running_before_the_login_or_without_an_address)
{
        static const char *const bodies[] = {
                "{\"BackendState\":\"NeedsLogin\",\"Self\":{\"HostName\":\"x\"},\"Peer\":null}",
                "{\"BackendState\":\"NoState\"}",
                "{\"BackendState\":\"Running\",\"Self\":{\"ID\":\"n\",\"TailscaleIPs\":null}}",
                "{\"BackendState\":\"Stopped\"," SELF "}",
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
                scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
                scoped_free char *text = xasprintf(PEER_JSON("200 OK", "%s"), bodies[i]);
                const struct peer_answer answer = { text, PEER_CLOSES };

                set_up(&fixture, &answer);
                assert_ok(tailscale_status(fixture.tailscale, false, &status, &err));
                assert_true(peer_was_asked(&fixture.peer, "status?peers=false "));
                assert_false(status.running);
                tear_down(&fixture);
        }
}

TEST(believes_no_status_with_a_part_it_cannot_read)
{
        static const struct {
                const char *body, *words;
        } cases[] = {
                { "{}",                                                                            "\"BackendState\" is empty" },
                { "{\"BackendState\":\"Running\"}",                                                "\"Self\""                  },
                { "{\"BackendState\":\"Running\"," SELF ",\"Peer\":[]}",                           "\"Peer\" has the wrong"    },
                { "{\"BackendState\":\"Running\"," SELF ",\"Peer\":{\"k\":{\"HostName\":\"x\"}}}",
                 "\"Peer\" \"k\": \"ID\" is missing"                                                                           },
                { "{\"BackendState\":\"Running\"," SELF
                  ",\"Peer\":{\"k\":{\"ID\":\"\",\"HostName\":\"x\"}}}",          "\"ID\" is empty"           },
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct tailscale_status status = { .tun = true };
                scoped_free char *text = xasprintf(PEER_JSON("200 OK", "%s"), cases[i].body);
                const struct peer_answer answer = { text, PEER_CLOSES };

                set_up(&fixture, &answer);
                assert_fails(tailscale_status(fixture.tailscale, true, &status, &err),
                             ERROR_UNAVAILABLE, cases[i].words);
                assert_true(status.tun);
                tear_down(&fixture);
        }
}

TEST(says_that_the_socket_is_not_there)
{
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, NULL);
        unlink(fixture.path);
        assert_fails(tailscale_status(fixture.tailscale, false, &status, &err), ERROR_UNAVAILABLE,
                     fixture.path);
        tear_down(&fixture);
}

TEST(knows_tailnet_addresses)
{
        static const char *const tailnet[] = { "100.64.0.1", "100.127.255.255", "fd7a:115c:a1e0::1",
                                               "fd7a:115c:a1e0:ab12::1" };
        static const char *const other[] = { "100.63.255.255",    "100.128.0.0",   "127.0.0.1",
                                             "fd7a:115c:a1e1::1", "100.64.0.1:80", "",
                                             "nonsense" };

        for (size_t i = 0; i < ARRAY_LENGTH(tailnet); i++)
                assert_true(tailscale_is_tailnet_address(tailnet[i]));
        for (size_t i = 0; i < ARRAY_LENGTH(other); i++)
                assert_false(tailscale_is_tailnet_address(other[i]));
}
