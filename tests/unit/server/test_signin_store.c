#include "server/signin_store.h"

#include "tests/unit/server/signin_fixture.h"

#define SESSION(uid, version, more) \
        "{\"apiVersion\":\"tka.specht-labs.de/v1alpha1\",\"kind\":\"TkaSignin\",\"metadata\":" \
        "{\"name\":\"" NAME "\",\"namespace\":\"tka\",\"uid\":\"" uid \
        "\",\"resourceVersion\":\"" version \
        "\",\"generation\":1,\"creationTimestamp\":\"2026-01-01T00:00:00Z\"" more "}," \
        "\"spec\":{\"username\":\"alice\",\"role\":\"view\",\"validity_period\":\"1h0m0s\"}}"
#define NAME "tka-user-alice-0"
#define ENDING ",\"deletionTimestamp\":\"2026-01-01T00:10:00Z\""

TEST(knows_what_was_listed_and_what_the_watch_tells)
{
        static const struct peer_answer answers[] = {
                { LIST("5", SESSION("u1", "4", "")), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_true(signin_store_is_synced(fixture.store));
        assert_string_equal(signin_store_find(fixture.store, NAME)->resource_version, "4");
        peer_send(&fixture.peer,
                  "{\"type\":\"MODIFIED\",\"object\":" SESSION(
                          "u1", "10", "") "}\n"
                                          "{\"type\":\"MODIFIED\",\"object\":" SESSION("u1", "9",
                                                                                       "") "}\n");
        assert_ok(signin_store_wait(fixture.store, NAME, loop_now_ms() + 2000, &err));
        assert_ok(wait_ms(fixture.loop, 20, &err));
        assert_string_equal(signin_store_find(fixture.store, NAME)->resource_version, "10");
        peer_send(&fixture.peer, "{\"type\":\"DELETED\",\"object\":" SESSION("u1", "11", "") "}\n");
        assert_ok(signin_store_wait_gone(fixture.store, NAME, "u1", loop_now_ms() + 2000, &err));
        assert_null(signin_store_find(fixture.store, NAME));
        tear_down(&fixture);
}

TEST(a_deletion_shows_at_once_and_an_object_that_is_gone_stays_gone)
{
        static const struct peer_answer answers[] = {
                { LIST("5", SESSION("u1", "4", "")), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
                { PEER_JSON("200 OK", SESSION("u1", "6", ENDING)), PEER_CLOSES },
                { PEER_JSON("404 Not Found", "{\"kind\":\"Status\",\"code\":404}"), PEER_CLOSES },
                { PEER_JSON("200 OK", SESSION("u1", "7", "")), PEER_CLOSES },
        };
        scoped(signin_clear) struct signin judged = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        signin_copy(&judged, signin_store_find(fixture.store, NAME));
        assert_ok(signin_store_delete(fixture.store, &judged, &err));
        assert_true(signin_store_find(fixture.store, NAME)->deletion_at != 0);
        assert_true(peer_was_asked(&fixture.peer, "\"resourceVersion\":\"4\""));
        assert_ok(signin_store_refresh(fixture.store, NAME, &err));
        assert_null(signin_store_find(fixture.store, NAME));
        assert_ok(signin_store_refresh(fixture.store, NAME, &err));
        assert_null(signin_store_find(fixture.store, NAME));
        tear_down(&fixture);
}

/* A reason that nobody can read. */
static char *spoil_object(const char *text)
{
        static const char spec[] = "\"spec\":{";
        const char *at = strstr(text, spec) + strlen(spec);

        return xasprintf("%.*s\"reason\":\"a\\u0000b\",%s", (int)(at - text), text, at);
}

TEST(a_session_that_became_unreadable_is_known_by_its_owner_and_can_be_ended)
{
        scoped_free char *event =
                spoil_object("{\"type\":\"MODIFIED\",\"object\":" SESSION("u1", "10", "") "}\n");
        scoped_free char *ending = spoil_object(PEER_JSON("200 OK", SESSION("u1", "11", ENDING)));
        const struct peer_answer answers[] = {
                { LIST("5", SESSION("u1", "4", "")), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
                { ending, PEER_CLOSES },
        };
        scoped(signin_clear) struct signin judged = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        peer_send(&fixture.peer, event);
        assert_ok(signin_store_wait(fixture.store, NAME, loop_now_ms() + 2000, &err));
        signin_copy(&judged, signin_store_find(fixture.store, NAME));
        assert_string_equal(judged.resource_version, "10");
        assert_string_equal(judged.spec.username, "alice");
        assert_null(judged.spec.validity_period);
        assert_ok(signin_store_delete(fixture.store, &judged, &err));
        assert_true(peer_was_asked(&fixture.peer, "\"resourceVersion\":\"10\""));
        assert_true(signin_store_find(fixture.store, NAME)->deletion_at != 0);
        tear_down(&fixture);
}

/* The text with the name that the spec gives instead of NAME. */
static char *rename_object(const char *text, const char *name)
{
        const char *at = strstr(text, NAME);

        return xasprintf("%.*s%s%s", (int)(at - text), text, name, at + strlen(NAME));
}

TEST(a_session_that_is_ending_is_waited_for_before_it_begins_anew)
{
        struct signin_spec spec = { .username = (char[]){ "alice" },
                                    .role = (char[]){ "view" },
                                    .validity_period = (char[]){ "1h0m0s" } };
        char name[SIGNIN_NAME_SIZE];
        scoped_free char *ending = rename_object(PEER_JSON("200 OK", SESSION("u1", "6", ENDING)),
                                                 signin_name(&spec, name));
        const struct peer_answer answers[] = {
                { LIST("5", ""), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
                { ending, PEER_CLOSES },
        };
        scoped(signin_clear) struct signin signin = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_fails(signin_store_apply(fixture.store, &spec, loop_now_ms() + 500, &signin, &err),
                     ERROR_UNAVAILABLE, "waiting for the end of the old session");
        assert_true(peer_was_asked(&fixture.peer, "PATCH /apis/tka.specht-labs.de/v1alpha1/"));
        assert_true(peer_was_asked(&fixture.peer, "tka.specht-labs.de/session"));
        assert_null(signin.name);
        assert_int_equal(fixture.peer.request_count, 3);
        tear_down(&fixture);
}

TEST(an_answer_with_another_object_is_an_error_and_not_tried_for_ever)
{
        static const struct peer_answer answers[] = {
                { LIST("5", ""), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
                { PEER_JSON("200 OK", SESSION("u1", "6", ENDING)), PEER_CLOSES },
        };
        struct signin_spec spec = { .username = (char[]){ "alice" },
                                    .role = (char[]){ "view" },
                                    .validity_period = (char[]){ "1h0m0s" } };
        scoped(signin_clear) struct signin signin = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        assert_fails(signin_store_apply(fixture.store, &spec, loop_now_ms() + 1000, &signin, &err),
                     ERROR_UNAVAILABLE, "another object");
        tear_down(&fixture);
}

struct waiting {
        struct fixture fixture;
        int count;
};

static void wait_long(void *argument)
{
        struct waiting *waiting = argument;
        struct error err = { 0 };
        int64_t deadline_ms = loop_now_ms() + 60000;

        waiting->count++;
        while (signin_store_wait(waiting->fixture.store, NAME, deadline_ms, &err))
                ; /* woken, but nothing came of it */
        waiting->count--;
}

static void turn_until_nobody_waits(struct waiting *waiting)
{
        struct error err = { 0 };

        for (int i = 0; i < 200 && waiting->count > 0; i++)
                assert_ok(wait_ms(waiting->fixture.loop, 10, &err));
        assert_int_equal(waiting->count, 0);
}

TEST(so_many_wait_and_no_more_and_all_are_let_go_when_the_waits_end)
{
        static const struct peer_answer answers[] = {
                { LIST("5", ""), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
        };
        struct waiting waiting = { 0 };
        struct signin_store *store = NULL;
        struct error err = { 0 };

        set_up(&waiting.fixture, answers, ARRAY_LENGTH(answers));
        store = waiting.fixture.store;
        while (signin_store_admits(store, &err))
                fiber_start(waiting.fixture.loop, wait_long, &waiting);
        assert_string_equal(err.text, "too many requests wait already");
        signin_store_end_waits(store, loop_now_ms() + 50);
        assert_int_equal(waiting.count, LIMIT_WAITERS);
        turn_until_nobody_waits(&waiting);
        assert_ok(signin_store_admits(store, &err));
        tear_down(&waiting.fixture);
}
