#include "schema/settings.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

static bool check_names(const char *sessions, const char *release, const char *role,
                        struct error *err)
{
        scoped(text_list_clear) struct text_list roles = { 0 };
        scoped_free char *session_namespace = xstrdup(sessions);
        scoped_free char *release_namespace = release == NULL ? NULL : xstrdup(release);

        if (role != NULL)
                text_list_add(&roles, role);
        const struct settings settings = { session_namespace, release_namespace, roles, 60, 60 };
        return settings_check(&settings, err);
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
        scoped(text_list_clear) struct text_list roles = { 0 };
        char namespace_name[] = "tka";
        struct error err = { 0 };

        text_list_add(&roles, "view");
        const struct settings settings = { namespace_name, NULL, roles, 61, 60 };
        assert_fails(settings_check(&settings, &err), ERROR_INVALID, "server.minPeriod (61 s)");
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
