#include "tests/unit/test.h"

#include "lib/api/kube.h"

TEST(compares_versions_as_numbers_of_any_length)
{
        assert_true(kube_version_is_older("9", "10"));
        assert_false(kube_version_is_older("10", "9"));
        assert_false(kube_version_is_older("10", "10"));
        assert_true(kube_version_is_older("99999999999999999999", "100000000000000000000"));
        assert_false(kube_version_is_older("abc", "10"));
        assert_false(kube_version_is_older("", "10"));
        assert_false(kube_version_is_older("9", NULL));
}
