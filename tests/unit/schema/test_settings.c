#include "schema/settings.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

static bool check_names(const char *sessions, const char *release, const char *role,
                        struct error *err)
{
        scoped(text_list_clear) struct text_list roles = { 0 };

        if (role != NULL)
                text_list_add(&roles, role);
        return settings_check_names(sessions, release, &roles, err);
}

TEST(takes_the_names_that_kubernetes_takes)
{
        struct error err = { 0 };

        assert_ok(check_names("tka", NULL, "view", &err));
        assert_ok(check_names("tka-1", "tka-system", "system:aggregate-to-view", &err));
        assert_fails(check_names("Tka", NULL, "view", &err), ERROR_INVALID,
                     "operator.namespace: \"Tka\"");
        assert_fails(check_names("tka", "", "view", &err), ERROR_INVALID, "kubernetes.namespace");
        assert_fails(check_names("tka", NULL, "a role", &err), ERROR_INVALID,
                     "operator.roles: \"a role\"");
        assert_fails(check_names("tka", NULL, NULL, &err), ERROR_INVALID, "at least one");
}

TEST(refuses_a_shortest_session_longer_than_the_longest)
{
        struct error err = { 0 };

        assert_ok(settings_check_periods(60, 60, &err));
        assert_fails(settings_check_periods(61, 60, &err), ERROR_INVALID,
                     "server.minPeriod (61 s)");
}

TEST(refuses_a_health_address_that_is_none)
{
        struct error err = { 0 };

        assert_ok(settings_check_health("::1", &err));
        assert_fails(settings_check_health("localhost", &err), ERROR_INVALID, "\"localhost\"");
}

TEST(reads_how_to_log_and_leaves_the_level_alone_when_it_cannot)
{
        struct error err = { 0 };
        enum log_level level = LOG_LEVEL_ERROR;
        enum log_format format = LOG_FORMAT_AUTO;

        assert_fails(settings_read_log("loud", "json", &level, &format, &err), ERROR_INVALID,
                     "log.level");
        assert_int_equal(level, LOG_LEVEL_ERROR);
        assert_ok(settings_read_log("warn", "json", &level, &format, &err));
        assert_int_equal(level, LOG_LEVEL_WARN);
        assert_int_equal(format, LOG_FORMAT_JSON);
}

TEST(keeps_sessions_out_of_the_namespace_it_runs_in)
{
        struct error err = { 0 };
        scoped_free char *release = NULL;

        assert_ok(settings_settle_namespaces(&release, NULL, "tka", &err));
        assert_string_equal(release, "tka-system");
        assert_fails(settings_settle_namespaces(&release, "other", "tka-system", &err),
                     ERROR_INVALID, "where this program runs");
}
