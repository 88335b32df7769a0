#include "server/recheck.h"

#include <unistd.h>

#include "server/identity.h"
#include "server/server.h"
#include "server/telemetry.h"
#include "tests/unit/server/signin_fixture.h"

#define SESSION(version, more) \
        "{\"apiVersion\":\"tka.specht-labs.de/v1alpha1\",\"kind\":\"TkaSignin\",\"metadata\":" \
        "{\"name\":\"tka-user-alice-0\",\"namespace\":\"tka\",\"uid\":\"u1\"," \
        "\"resourceVersion\":\"" version "\",\"generation\":1,\"creationTimestamp\":" \
        "\"2026-01-01T00:00:00Z\"" more "},\"spec\":{\"username\":\"alice\",\"role\":\"view\"," \
        "\"validity_period\":\"1h0m0s\",\"node_id\":\"n2\",\"issuer\":\"tag:tka/x/cap\"}}"
#define ENDING ",\"deletionTimestamp\":\"2026-01-01T00:10:00Z\""
#define STATUS(peers) \
        PEER_JSON("200 OK", \
                  "{\"BackendState\":\"Running\",\"TUN\":false,\"Self\":{\"ID\":\"self\"," \
                  "\"TailscaleIPs\":[\"100.64.0.1\"],\"Tags\":[\"tag:tka\"],\"Online\":true}," \
                  "\"Peer\":" peers "}")
#define ALICE(online) \
        "{\"k\":{\"ID\":\"n2\",\"TailscaleIPs\":[\"100.64.0.2\"],\"Online\":" online "}}"
#define WHOIS(capabilities) \
        PEER_JSON("200 OK", "{\"Node\":{\"StableID\":\"n2\",\"ComputedName\":\"laptop\"}," \
                            "\"UserProfile\":{\"ID\":1,\"LoginName\":\"alice\"}," \
                            "\"CapMap\":" capabilities "}")

/* One round over the session of alice, when tailscaled answers so. true: it was ended. */
static bool look(const char *status, const char *whois)
{
        const struct peer_answer answers[] = {
                { LIST("5", SESSION("4", "")), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
                { PEER_JSON("200 OK", SESSION("6", ENDING)), PEER_CLOSES },
        };
        const struct peer_answer told[] = {
                { STATUS("null"), PEER_CLOSES },
                { status,         PEER_CLOSES },
                { whois,          PEER_CLOSES }
        };
        char folder[] = "/tmp/test_recheck.XXXXXX";
        struct config config = { 0 };
        struct fixture fixture;
        struct peer tailscaled;
        struct error err = { 0 };

        assert_non_null(mkdtemp(folder));
        scoped_free char *path = xasprintf("%s/socket", folder);
        text_list_add(&config.capabilities, "x/cap");
        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        peer_start_unix(&tailscaled, fixture.loop, path, told, ARRAY_LENGTH(told));
        struct server server = { .loop = fixture.loop,
                                 .config = &config,
                                 .kube = fixture.kube,
                                 .signins = fixture.store,
                                 .tailscale = tailscale_new(fixture.loop, path) };
        server.identity = identity_new(fixture.loop, server.tailscale, &config);
        telemetry_init(&server);
        assert_ok(identity_refresh(server.identity, &err));

        struct recheck *recheck = recheck_start(&server);
        recheck_run(recheck);
        bool ended = peer_was_asked(&fixture.peer, "DELETE ");
        recheck_stop(recheck);
        while (fiber_count() > 1) /* the watch */
                assert_ok(wait_ms(fixture.loop, 1, &err));

        telemetry_clear(&server);
        identity_free(server.identity);
        tailscale_free(server.tailscale);
        peer_stop(&tailscaled);
        tear_down(&fixture);
        text_list_clear(&config.capabilities);
        unlink(path);
        rmdir(folder);
        return ended;
}

TEST(a_session_that_is_granted_stays)
{
        assert_false(look(STATUS(ALICE("true")),
                          WHOIS("{\"x/cap\":[{\"role\":\"view\",\"period\":\"1h\"}]}")));
}

TEST(a_session_ends_when_its_grant_is_withdrawn)
{
        assert_true(look(STATUS(ALICE("true")), WHOIS("null")));
}

/* Whether a node is online is what its control connection says, which its owner can cut while
 * everything else goes on. */
TEST(a_session_ends_when_its_grant_is_withdrawn_though_its_node_seems_to_be_offline)
{
        assert_true(look(STATUS(ALICE("false")), WHOIS("null")));
}

TEST(a_session_stays_while_its_rules_cannot_be_read)
{
        assert_false(look(STATUS(ALICE("true")), WHOIS("{\"x/cap\":[{\"role\":7}]}")));
}
