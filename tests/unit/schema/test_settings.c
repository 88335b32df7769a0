#include "schema/settings.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(takes_the_names_that_kubernetes_takes)
{
        static const char *const bad[] = { "Tka", "", "a b", "a/b", "a.b" };
        struct error err = { 0 };

        assert_ok(settings_check_namespace("tka-1", &err));
        for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
                assert_fails(settings_check_namespace(bad[i], &err), ERROR_INVALID, bad[i]);
        assert_ok(settings_check_role("system:aggregate-to-View", &err));
        assert_fails(settings_check_role("a role", &err), ERROR_INVALID,
                     "\"a role\" is no Kubernetes name");
        assert_fails(settings_check_role("", &err), ERROR_INVALID, "not 1 to 63 bytes");
}

TEST(needs_a_role)
{
        struct settings settings = { 0 };
        struct error err = { 0 };

        assert_fails(settings_check_roles(&settings, &err), ERROR_INVALID, "at least one");
}

TEST(refuses_a_shortest_session_longer_than_the_longest)
{
        struct settings settings = { .min_period_seconds = 61, .max_period_seconds = 60 };
        struct error err = { 0 };

        assert_fails(settings_check_periods(&settings, &err), ERROR_INVALID,
                     "server.minPeriod (61 s)");
}

TEST(keeps_sessions_out_of_the_namespace_it_runs_in)
{
        struct error err = { 0 };
        char namespace_name[] = "tka", same[] = "tka-system";
        struct settings settings = { .session_namespace = namespace_name };

        assert_ok(settings_settle_namespaces(&settings, NULL, &err));
        assert_string_equal(settings.release_namespace, "tka-system");
        settings.session_namespace = same;
        assert_fails(settings_settle_namespaces(&settings, "other", &err), ERROR_INVALID,
                     "where this program runs");
        free(settings.release_namespace);
}
