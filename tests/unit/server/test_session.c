#include "server/session.h"

#include "tests/unit/server/signin_fixture.h"

#define NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

static struct signin make_signin(void)
{
        static char name[] = "tka-user-alice", period[] = "1h0m0s",
                    requested[] = "2026-01-01T00:00:00Z", ready[] = "True", uid[] = "u1";
        struct signin signin = { .name = name, .generation = 3 };

        signin.spec.validity_period = period;
        signin.spec.requested_at = requested;
        signin.status.provisioned = true;
        signin.status.observed_generation = 3;
        signin.status.ready = ready;
        signin.status.service_account_uid = uid;
        return signin;
}

TEST(a_provisioned_session_is_ready)
{
        struct signin signin = make_signin();
        struct error err = { 0 };

        assert_ok(session_check_ready(&signin, NOW, &err));
        assert_int_equal(session_ends_at(&signin), NOW + 3600);
}

TEST(a_session_whose_spec_changed_since_is_not_ready_yet)
{
        struct signin signin = make_signin();
        struct error err = { 0 };

        signin.generation = 4;
        assert_fails(session_check_ready(&signin, NOW, &err), ERROR_PENDING, "not provisioned yet");
}

TEST(a_session_without_service_account_is_not_ready_yet)
{
        struct signin signin = make_signin();
        struct error err = { 0 };

        signin.status.service_account_uid = NULL;
        assert_fails(session_check_ready(&signin, NOW, &err), ERROR_PENDING, "not provisioned yet");
}

TEST(a_session_that_is_over_or_ending_counts_as_none)
{
        struct signin signin = make_signin();
        struct error err = { 0 };

        assert_fails(session_check_ready(&signin, NOW + 3600, &err), ERROR_UNAUTHENTICATED,
                     "has ended");
        signin.deletion_at = NOW;
        assert_fails(session_check_ready(&signin, NOW, &err), ERROR_UNAUTHENTICATED, "has ended");
}

TEST(what_the_operator_refuses_for_good_is_told_with_its_reason)
{
        struct signin signin = make_signin();
        char no[] = "False", reason[] = "RoleNotFound", message[] = "no ClusterRole \"x\"";
        struct error err = { 0 };

        signin.status.provisioned = false;
        signin.status.ready = no;
        signin.status.ready_reason = reason;
        signin.status.ready_message = message;
        assert_fails(session_check_ready(&signin, NOW, &err), ERROR_INVALID,
                     "RoleNotFound: no ClusterRole \"x\"");
        assert_int_equal(error_http_status(&err), 422);
}

TEST(what_the_operator_tries_again_is_pending)
{
        struct signin signin = make_signin();
        char no[] = "False", reason[] = "Provisioning";
        struct error err = { 0 };

        signin.status.ready = no;
        signin.status.ready_reason = reason;
        assert_fails(session_check_ready(&signin, NOW, &err), ERROR_PENDING, "not provisioned");
}

/* A session of alice, user 7, that lasts. */
#define SESSION_OF_7 \
        "{\"apiVersion\":\"tka.specht-labs.de/v1alpha1\",\"kind\":\"TkaSignin\",\"metadata\":" \
        "{\"name\":\"tka-user-alice-0\",\"namespace\":\"tka\",\"uid\":\"u1\"," \
        "\"resourceVersion\":\"4\",\"generation\":1,\"creationTimestamp\":" \
        "\"2026-01-01T00:00:00Z\"},\"spec\":{\"username\":\"alice\",\"role\":\"view\"," \
        "\"validity_period\":\"1h0m0s\",\"node_id\":\"n1\",\"user_id\":\"7\"," \
        "\"requested_at\":\"2999-01-01T00:00:00Z\"}}"

TEST(a_session_is_not_that_of_another_user_who_has_the_login_now)
{
        static const struct peer_answer answers[] = {
                { LIST("5", SESSION_OF_7), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
        };
        char login[] = "alice", node[] = "n1", first[] = "7", second[] = "8", role[] = "view";
        struct rule rule = { .role = role, .period_seconds = 3600 };
        struct caller caller = {
                .whois = { .login = login, .node_id = node, .user_id = first },
                .capability = { .rules = &rule, .rule_count = 1 },
        };
        scoped(signin_clear) struct signin signin = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        struct server server = { .kube = fixture.kube, .signins = fixture.store };

        assert_ok(session_pick(&server, &caller, NULL, &signin, &err));
        caller.whois.user_id = second;
        assert_fails(session_pick(&server, &caller, NULL, &signin, &err), ERROR_UNAUTHENTICATED,
                     "not signed in");
        tear_down(&fixture);
}

static int waiting;

static void wait_long(void *argument)
{
        scoped(signin_clear) struct signin signin = { 0 };
        struct error err = { 0 };

        waiting++;
        assert_false(session_wait_ready(argument, "tka-user-alice-0", loop_now_ms() + 60000,
                                        &signin, &err));
        waiting--;
}

TEST(who_does_not_wait_is_told_that_it_is_pending_also_while_too_many_wait)
{
        static const struct peer_answer answers[] = {
                { LIST("5", SESSION_OF_7), PEER_CLOSES },
                { WATCH, PEER_KEEPS },
        };
        scoped(signin_clear) struct signin signin = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        struct server server = { .kube = fixture.kube, .signins = fixture.store };

        while (signin_store_admits(fixture.store, &err))
                fiber_start(fixture.loop, wait_long, &server);
        assert_fails(session_wait_ready(&server, "tka-user-alice-0", loop_now_ms() + 60000, &signin,
                                        &err),
                     ERROR_UNAVAILABLE, "too many requests wait already");
        assert_fails(session_wait_ready(&server, "tka-user-alice-0", loop_now_ms(), &signin, &err),
                     ERROR_PENDING, "not provisioned yet");
        signin_store_end_waits(fixture.store, loop_now_ms());
        for (int i = 0; i < 200 && waiting > 0; i++)
                assert_ok(wait_ms(fixture.loop, 10, &err));
        assert_int_equal(waiting, 0);
        tear_down(&fixture);
}
