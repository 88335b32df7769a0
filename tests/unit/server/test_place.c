#include "server/place.h"

#include "tests/unit/server/signin_fixture.h"

/* A session of alice's on n1 of that name. */
#define SESSION_WITH(name, more) \
        "{\"apiVersion\":\"tka.specht-labs.de/v1alpha1\",\"kind\":\"TkaSignin\",\"metadata\":" \
        "{\"name\":\"" name "\"," more "\"namespace\":\"tka\",\"uid\":\"u1\"," \
        "\"resourceVersion\":\"4\",\"generation\":1," \
        "\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{\"username\":" \
        "\"alice\",\"role\":\"view\",\"validity_period\":\"1h0m0s\",\"node_id\":\"n1\"}}"
#define SESSION SESSION_WITH("there", "")
#define ENDING SESSION_WITH("old-%d", "\"deletionTimestamp\":\"2026-01-01T00:10:00Z\",")

static const struct peer_answer answers[] = {
        { LIST("5", SESSION), PEER_CLOSES },
        { WATCH, PEER_KEEPS },
};

static char alice[] = "alice", bob[] = "bob", n1[] = "n1", n2[] = "n2";
static const struct tailscale_whois who[] = {
        { .login = alice, .node_id = n1 },
        { .login = bob,   .node_id = n1 },
        { .login = alice, .node_id = n2 },
};

/* All that are left for alice on n1 beside the one that is there. */
static void take_all(struct server *server, struct place *places, char (*names)[16])
{
        struct error err = { 0 };

        for (int i = 0; i < LIMIT_NODE_SESSIONS - 1; i++) {
                snprintf(names[i], sizeof(names[i]), "new-%d", i);
                assert_ok(place_take(server, &who[0], names[i], &places[i], &err));
        }
}

static struct server set_up_server(struct fixture *fixture)
{
        set_up(fixture, answers, ARRAY_LENGTH(answers));
        return (struct server){ .kube = fixture->kube, .signins = fixture->store };
}

/* Beside the one that is there so many that are ending. */
static struct server set_up_ending(struct fixture *fixture, int count)
{
        scoped(buf_clear) struct buf list = { 0 };

        for (int i = 0; i < count; i++)
                buf_printf(&list, "," ENDING, i);
        scoped_free char *answer = xasprintf(LIST("5", SESSION "%s"), list.text);
        const struct peer_answer told[] = {
                { answer, PEER_CLOSES },
                { WATCH,  PEER_KEEPS  },
        };
        set_up(fixture, told, ARRAY_LENGTH(told));
        fixture->peer.answers = answers;
        return (struct server){ .kube = fixture->kube, .signins = fixture->store };
}

TEST(sessions_being_begun_count_until_they_are_left)
{
        struct place places[LIMIT_NODE_SESSIONS - 1], more = { 0 };
        char names[LIMIT_NODE_SESSIONS - 1][16];
        struct fixture fixture;
        struct error err = { 0 };
        struct server server = set_up_server(&fixture);

        take_all(&server, places, names);
        assert_fails(place_take(&server, &who[0], "one-more", &more, &err), ERROR_DENIED,
                     "there are 16 sessions of alice on this device already");
        place_leave(&more); /* was not taken */
        place_leave(&places[3]);
        assert_ok(place_take(&server, &who[0], "one-more", &more, &err));
        assert_false(place_take(&server, &who[0], "two-more", &places[3], &err));
        tear_down(&fixture);
}

TEST(a_session_that_is_there_or_begun_twice_takes_no_second_place)
{
        struct place places[LIMIT_NODE_SESSIONS - 1], more[3] = { 0 };
        char names[LIMIT_NODE_SESSIONS - 1][16];
        struct fixture fixture;
        struct error err = { 0 };
        struct server server = set_up_server(&fixture);

        assert_ok(place_take(&server, &who[0], "there", &more[0], &err));
        assert_ok(place_take(&server, &who[0], "new-0", &more[1], &err));
        take_all(&server, places, names);
        assert_ok(place_take(&server, &who[0], "there", &more[2], &err));
        assert_false(place_take(&server, &who[0], "one-more", &more[0], &err));
        tear_down(&fixture);
}

TEST(other_people_and_other_devices_have_places_of_their_own)
{
        struct place places[LIMIT_NODE_SESSIONS - 1], more[2] = { 0 };
        char names[LIMIT_NODE_SESSIONS - 1][16];
        struct fixture fixture;
        struct error err = { 0 };
        struct server server = set_up_server(&fixture);

        take_all(&server, places, names);
        assert_ok(place_take(&server, &who[1], "bob", &more[0], &err));
        assert_ok(place_take(&server, &who[2], "elsewhere", &more[1], &err));
        tear_down(&fixture);
}

TEST(who_signed_out_of_all_sessions_may_begin_as_many)
{
        struct place places[LIMIT_NODE_SESSIONS - 1], more = { 0 };
        char names[LIMIT_NODE_SESSIONS - 1][16];
        struct fixture fixture;
        struct error err = { 0 };
        struct server server = set_up_ending(&fixture, LIMIT_NODE_SESSIONS);

        take_all(&server, places, names);
        assert_fails(place_take(&server, &who[0], "one-more", &more, &err), ERROR_DENIED,
                     "there are 16 sessions of alice on this device already");
        tear_down(&fixture);
}

TEST(sessions_that_nobody_takes_down_do_not_pile_up)
{
        struct place places[4] = { 0 };
        struct fixture fixture;
        struct error err = { 0 };
        struct server server = set_up_ending(&fixture, LIMIT_NODE_SESSIONS_HELD - 1);

        assert_ok(place_take(&server, &who[0], "there", &places[0], &err));
        assert_fails(place_take(&server, &who[0], "new", &places[1], &err), ERROR_UNAVAILABLE,
                     "31 sessions of alice on this device are still being taken down");
        assert_ok(place_take(&server, &who[0], "old-0", &places[1], &err));
        assert_ok(place_take(&server, &who[1], "bob", &places[2], &err));
        assert_ok(place_take(&server, &who[2], "elsewhere", &places[3], &err));
        tear_down(&fixture);
}
