#include "kubectl-tka/local/known.h"

#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static const struct cache_key prod = { "http://tka:1", "ab", "prod", "" };
static const struct cache_key prod_view = { "http://tka:1", "ab", "prod", "view" };
static const struct cache_key other = { "http://tka:2", "cd", "other", "" };

static void enter(void)
{
        setenv("XDG_STATE_HOME", folder_enter(), 1);
}

TEST(remembers_contexts_with_their_keys)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        struct error err = { 0 };

        enter();
        assert_ok(known_put("prod", &prod, "admin", &err));
        assert_ok(known_put("prod!view", &prod_view, "view", &err));
        assert_ok(known_put("other", &other, NULL, &err));
        known_list_read(&list);
        assert_int_equal(list.count, 3);
        const struct known *known = known_find(&list, "prod!view");
        assert_string_equal(known_key(known).role, "view");
        assert_string_equal(known->server, "http://tka:1");
        assert_null(known_find(&list, "prod!"));
}

TEST(puts_a_context_in_place_of_itself_and_keeps_its_roles)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        struct error err = { 0 };

        enter();
        assert_ok(known_put("prod", &prod, "admin", &err));
        assert_ok(known_put("prod", &other, "view", &err));
        known_list_read(&list);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].cluster, "other");
        assert_int_equal(list.items[0].roles.count, 2);
        assert_true(text_list_has(&list.items[0].roles, "admin"));
}

TEST(forgets_a_context_and_no_other)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        struct error err = { 0 };

        enter();
        assert_ok(known_put("prod", &prod, "admin", &err));
        assert_ok(known_put("other", &other, NULL, &err));
        assert_ok(known_remove("prod", &err));
        assert_ok(known_remove("never seen", &err));
        known_list_read(&list);
        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].context, "other");
}

TEST(teaches_all_contexts_of_a_server_its_roles)
{
        scoped(known_list_clear) struct known_list list = { 0 };
        scoped(text_list_clear) struct text_list roles = { 0 };
        struct error err = { 0 };

        enter();
        text_list_add(&roles, "edit");
        assert_ok(known_put("prod", &prod, "admin", &err));
        assert_ok(known_put("prod!view", &prod_view, "view", &err));
        assert_ok(known_put("other", &other, "view", &err));
        assert_ok(known_set_roles("http://tka:1", &roles, &err));
        known_list_read(&list);
        assert_string_equal(known_find(&list, "prod")->roles.items[0], "edit");
        assert_int_equal(known_find(&list, "prod!view")->roles.count, 1);
        assert_string_equal(known_find(&list, "other")->roles.items[0], "view");
}

TEST(takes_a_file_that_makes_no_sense_for_an_empty_one)
{
        static const char *const rows[] = { "", "{}", "[1]", "[{\"context\":\"a\"}]", "nonsense" };
        const char *folder = folder_enter();
        struct error err = { 0 };

        setenv("XDG_STATE_HOME", folder, 1);
        scoped_free char *path = xasprintf("%s/tka/known.json", folder);
        assert_ok(known_put("prod", &prod, NULL, &err));
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(known_list_clear) struct known_list list = { 0 };
                assert_ok(file_write(path, 0600, rows[i], strlen(rows[i]), &err));
                known_list_read(&list);
                assert_int_equal(list.count, 0);
        }
}
