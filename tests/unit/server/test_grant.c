#include "server/grant.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

#define RULES(text) "{\"cap\": [" text "]}"

static const struct text_list no_namespaces = { 0 };

static void load(const char *json, struct capability *capability)
{
        char *names[] = { (char[]){ "cap" } };
        const struct text_list list = { names, 1 };
        json_auto_t *map = json_loads(json, 0, NULL);
        struct error err = { 0 };

        assert_non_null(map);
        assert_ok(capability_decode(map, &list, capability, &err));
}

static bool decide(const char *json, const struct login_request *request, struct grant *grant,
                   int64_t *period, struct error *err)
{
        char *names[] = { (char[]){ "view" }, (char[]){ "edit" } };
        const struct text_list roles = { names, 2 };
        const struct grant_limits limits = { 60, 86400, &roles };
        scoped(capability_clear) struct capability capability = { 0 };

        load(json, &capability);
        if (!grant_rank(&capability, err) ||
            !grant_decide(&capability, &limits, request, grant, err))
                return false;
        *period = grant->period_seconds;
        assert_non_null(strstr("view edit", grant->role));
        return true;
}

TEST(the_highest_priority_wins)
{
        const struct login_request wish = { 0 };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_ok(decide(RULES("{\"role\":\"view\",\"period\":\"1h\",\"priority\":1},"
                               "{\"role\":\"edit\",\"period\":\"30m\",\"priority\":2}"),
                         &wish, &grant, &period, &err));
        assert_int_equal(period, 1800);
}

TEST(refuses_whom_no_rule_names)
{
        const struct login_request wish = { 0 };
        struct grant grant = { .period_seconds = 7 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_fails(decide("{}", &wish, &grant, &period, &err), ERROR_DENIED,
                     "User not authorized");
        assert_int_equal(error_http_status(&err), 403);
        assert_int_equal(grant.period_seconds, 7);
}

TEST(refuses_two_rules_of_one_priority)
{
        const struct login_request wish = { 0 };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_fails(decide(RULES("{\"role\":\"view\",\"period\":\"1h\"},"
                                  "{\"role\":\"edit\",\"period\":\"1h\"},"
                                  "{\"role\":\"edit\",\"period\":\"2h\",\"priority\":9}"),
                            &wish, &grant, &period, &err),
                     ERROR_INVALID, "Multiple capability rules with the same priority found");
        assert_int_equal(error_http_status(&err), 400);
}

TEST(a_rule_given_twice_counts_once)
{
        const struct login_request wish = { 0 };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_ok(decide(RULES("{\"role\":\"view\",\"period\":\"1h\"},"
                               "{\"role\":\"view\",\"period\":\"1h\"}"),
                         &wish, &grant, &period, &err));
        assert_int_equal(period, 3600);
}

TEST(a_lower_role_can_be_asked_for)
{
        const struct login_request wish = { .role = (char[]){ "view" } };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_ok(decide(RULES("{\"role\":\"view\",\"period\":\"1h\",\"priority\":1},"
                               "{\"role\":\"edit\",\"period\":\"30m\",\"priority\":2}"),
                         &wish, &grant, &period, &err));
        assert_int_equal(period, 3600);
}

TEST(refuses_a_role_no_rule_grants_and_lists_those_that_are)
{
        const struct login_request wish = { .role = (char[]){ "admin" } };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_fails(decide(RULES("{\"role\":\"view\",\"period\":\"1h\",\"priority\":1},"
                                  "{\"role\":\"edit\",\"period\":\"1h\",\"priority\":2}"),
                            &wish, &grant, &period, &err),
                     ERROR_DENIED, "\"admin\" is not granted to you; granted: view, edit");
}

TEST(refuses_a_role_this_cluster_does_not_hand_out)
{
        const struct login_request wish = { 0 };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_fails(decide(RULES("{\"role\":\"root\",\"period\":\"1h\"}"), &wish, &grant, &period,
                            &err),
                     ERROR_INVALID, "\"root\" is not handed out");
        assert_int_equal(error_http_status(&err), 422);
}

TEST(refuses_a_period_out_of_bounds)
{
        static const char *const periods[] = { "59s", "24h1s" };
        const struct login_request wish = { 0 };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        for (size_t i = 0; i < ARRAY_LENGTH(periods); i++) {
                scoped_free char *json =
                        xasprintf(RULES("{\"role\":\"view\",\"period\":\"%s\"}"), periods[i]);

                assert_fails(decide(json, &wish, &grant, &period, &err), ERROR_INVALID,
                             "is outside 1m0s to 24h0m0s");
                assert_int_equal(error_http_status(&err), 422);
        }
}

TEST(a_period_asked_for_only_shortens)
{
        static const struct {
                const char *asked;
                int64_t seconds;
        } cases[] = {
                { "10m", 600  },
                { "1h",  3600 },
                { "9h",  3600 }
        };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped_free char *asked = xstrdup(cases[i].asked);
                const struct login_request wish = { .period = asked };

                assert_ok(decide(RULES("{\"role\":\"view\",\"period\":\"1h\"}"), &wish, &grant,
                                 &period, &err));
                assert_int_equal(period, cases[i].seconds);
        }
}

TEST(refuses_a_period_asked_for_that_is_too_short_or_none)
{
        const struct login_request brief = { .period = (char[]){ "30s" } };
        const struct login_request nonsense = { .period = (char[]){ "soon" } };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_fails(decide(RULES("{\"role\":\"view\",\"period\":\"1h\"}"), &brief, &grant, &period,
                            &err),
                     ERROR_INVALID, "period 30s of your request is outside");
        assert_int_equal(error_http_status(&err), 422);
        assert_fails(decide(RULES("{\"role\":\"view\",\"period\":\"1h\"}"), &nonsense, &grant,
                            &period, &err),
                     ERROR_INVALID, "\"soon\"");
}

TEST(namespaces_asked_for_must_be_among_those_granted)
{
        char *inside[] = { (char[]){ "dev" } };
        char *outside[] = { (char[]){ "prod" } };
        const struct login_request narrow = {
                .namespaces = { inside, 1 }
        };
        const struct login_request wide = {
                .namespaces = { outside, 1 }
        };
        struct grant grant = { 0 };
        struct error err = { 0 };
        int64_t period = 0;

        assert_ok(decide(RULES("{\"role\":\"edit\",\"period\":\"1h\",\"namespaces\":[\"dev\","
                               "\"test\"]}"),
                         &narrow, &grant, &period, &err));
        assert_fails(decide(RULES("{\"role\":\"edit\",\"period\":\"1h\",\"namespaces\":[\"dev\","
                                  "\"test\"]}"),
                            &wide, &grant, &period, &err),
                     ERROR_DENIED, "granted: edit (in dev, test)");
}

TEST(a_cluster_wide_session_is_not_granted_by_a_rule_for_namespaces)
{
        scoped(capability_clear) struct capability capability = { 0 };
        char *names[] = { (char[]){ "dev" } };
        const struct text_list dev = { names, 1 };

        load(RULES("{\"role\":\"edit\",\"period\":\"1h\",\"namespaces\":[\"dev\"]},"
                   "{\"role\":\"view\",\"period\":\"2h\",\"priority\":2}"),
             &capability);
        assert_null(grant_find(&capability, "edit", &no_namespaces));
        assert_non_null(grant_find(&capability, "edit", &dev));
        assert_non_null(grant_find(&capability, "view", &dev));
        assert_null(grant_find(&capability, "admin", &dev));
}
