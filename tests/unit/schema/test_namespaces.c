#include "tests/unit/test.h"

#include "lib/memory.h"
#include "schema/namespaces.h"

static bool check_one(const char *name, struct error *err)
{
        scoped(text_list_clear) struct text_list list = { 0 };

        text_list_add(&list, name);
        return namespaces_check(&list, err);
}

TEST(sorts_and_keeps_each_once)
{
        static const char *const given[] = { "b", "a", "b", "c", "a" };
        scoped(text_list_clear) struct text_list list = { 0 };
        scoped(text_list_clear) struct text_list copy = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(given); i++)
                text_list_add(&list, given[i]);
        namespaces_sort(&list);
        assert_int_equal(list.count, 3);
        assert_string_equal(list.items[0], "a");
        assert_string_equal(list.items[2], "c");
        text_list_add_all(&copy, &list);
        assert_true(namespaces_equal(&copy, &list));
        text_list_add(&copy, "d");
        assert_false(namespaces_equal(&copy, &list));
        text_list_add(&list, "e");
        assert_false(namespaces_equal(&copy, &list));
}

TEST(sorts_nothing)
{
        struct text_list list = { 0 };

        namespaces_sort(&list);
        assert_int_equal(list.count, 0);
}

TEST(takes_dns_labels_alone)
{
        static const char *const bad[] = { "", "A", "a_b", "-a", "a-", "a.b", "a,b", "a\nb", "*" };
        char long_name[LIMIT_NAMESPACE + 2] = { 0 };
        struct error err = { 0 };

        assert_ok(check_one("kube-system", &err));
        assert_ok(check_one("0", &err));
        for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
                assert_fails(check_one(bad[i], &err), ERROR_INVALID, "no namespace's name");
        memset(long_name, 'a', LIMIT_NAMESPACE + 1);
        assert_fails(check_one(long_name, &err), ERROR_INVALID, "no namespace's name");
}

TEST(takes_no_more_than_the_limit)
{
        scoped(text_list_clear) struct text_list list = { 0 };
        struct error err = { 0 };

        for (int i = 0; i < LIMIT_NAMESPACES; i++)
                text_list_add(&list, "a");
        assert_ok(namespaces_check(&list, &err));
        text_list_add(&list, "a");
        assert_fails(namespaces_check(&list, &err), ERROR_INVALID, "more than 16 items");
}
