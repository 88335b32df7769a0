#include "server/grant.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

#define RULES(text) "{\"cap\": [" text "]}"
#define UNTOUCHED 7

static const struct login_request nothing_asked = { 0 };
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

/* *period stays as it was where grant_decide() leaves its grant as it was. */
static bool decide(const char *json, const struct login_request *request, int64_t *period,
                   struct error *err)
{
        char *names[] = { (char[]){ "view" }, (char[]){ "edit" } };
        const struct text_list roles = { names, 2 };
        const struct grant_limits limits = { 60, 86400, &roles };
        scoped(capability_clear) struct capability capability = { 0 };
        struct grant grant = { .period_seconds = *period };

        load(json, &capability);
        bool granted = grant_rank(&capability, err) &&
                       grant_decide(&capability, &limits, request, &grant, err);
        *period = grant.period_seconds;
        assert_true(!granted || strstr("view edit", grant.role));
        return granted;
}

static void assert_grants(const char *json, const struct login_request *request,
                          int64_t period_seconds)
{
        struct error err = { 0 };
        int64_t period = UNTOUCHED;

        assert_ok(decide(json, request, &period, &err));
        assert_int_equal(period, period_seconds);
}

static void assert_refuses(const char *json, const struct login_request *request, int http_status,
                           const char *words)
{
        struct error err = { 0 };
        int64_t period = UNTOUCHED;

        assert_fails(decide(json, request, &period, &err),
                     http_status == 403 ? ERROR_DENIED : ERROR_INVALID, words);
        assert_int_equal(error_http_status(&err), http_status);
        assert_int_equal(period, UNTOUCHED);
}

TEST(the_highest_priority_wins)
{
        assert_grants(RULES("{\"role\":\"view\",\"period\":\"1h\",\"priority\":1},"
                            "{\"role\":\"edit\",\"period\":\"30m\",\"priority\":2}"),
                      &nothing_asked, 1800);
}

TEST(refuses_whom_no_rule_names)
{
        assert_refuses("{}", &nothing_asked, 403, "User not authorized");
}

TEST(refuses_two_rules_of_one_priority)
{
        assert_refuses(RULES("{\"role\":\"view\",\"period\":\"1h\"},"
                             "{\"role\":\"edit\",\"period\":\"1h\"},"
                             "{\"role\":\"edit\",\"period\":\"2h\",\"priority\":9}"),
                       &nothing_asked, 400,
                       "Multiple capability rules with the same priority found");
}

TEST(a_rule_given_twice_counts_once)
{
        assert_grants(RULES("{\"role\":\"view\",\"period\":\"1h\"},"
                            "{\"role\":\"view\",\"period\":\"1h\"}"),
                      &nothing_asked, 3600);
}

TEST(a_lower_role_can_be_asked_for)
{
        const struct login_request wish = { .role = (char[]){ "view" } };

        assert_grants(RULES("{\"role\":\"view\",\"period\":\"1h\",\"priority\":1},"
                            "{\"role\":\"edit\",\"period\":\"30m\",\"priority\":2}"),
                      &wish, 3600);
}

TEST(refuses_a_role_no_rule_grants_and_lists_those_that_are)
{
        const struct login_request wish = { .role = (char[]){ "admin" } };

        assert_refuses(RULES("{\"role\":\"view\",\"period\":\"1h\",\"priority\":1},"
                             "{\"role\":\"edit\",\"period\":\"1h\",\"priority\":2}"),
                       &wish, 403, "\"admin\" is not granted to you; granted: view, edit");
}

TEST(refuses_a_role_this_cluster_does_not_hand_out)
{
        assert_refuses(RULES("{\"role\":\"root\",\"period\":\"1h\"}"), &nothing_asked, 422,
                       "\"root\" is not handed out");
}

TEST(refuses_a_period_out_of_bounds)
{
        static const char *const rules[] = {
                RULES("{\"role\":\"view\",\"period\":\"59s\"}"),
                RULES("{\"role\":\"view\",\"period\":\"24h1s\"}"),
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rules); i++)
                assert_refuses(rules[i], &nothing_asked, 422, "is outside 1m0s to 24h0m0s");
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

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped_free char *asked = xstrdup(cases[i].asked);
                const struct login_request wish = { .period = asked };

                assert_grants(RULES("{\"role\":\"view\",\"period\":\"1h\"}"), &wish,
                              cases[i].seconds);
        }
}

TEST(refuses_a_period_asked_for_that_is_too_short_or_none)
{
        const struct login_request brief = { .period = (char[]){ "30s" } };
        const struct login_request nonsense = { .period = (char[]){ "soon" } };

        assert_refuses(RULES("{\"role\":\"view\",\"period\":\"1h\"}"), &brief, 422,
                       "period 30s of your request is outside");
        assert_refuses(RULES("{\"role\":\"view\",\"period\":\"1h\"}"), &nonsense, 400, "\"soon\"");
}

TEST(namespaces_asked_for_must_be_among_those_granted)
{
        static const char rules[] = RULES("{\"role\":\"edit\",\"period\":\"1h\","
                                          "\"namespaces\":[\"dev\",\"test\"]}");
        char *inside[] = { (char[]){ "dev" } };
        char *outside[] = { (char[]){ "prod" } };
        const struct login_request narrow = {
                .namespaces = { inside, 1 }
        };
        const struct login_request wide = {
                .namespaces = { outside, 1 }
        };

        assert_grants(rules, &narrow, 3600);
        assert_refuses(rules, &wide, 403, "granted: edit (in dev, test)");
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
