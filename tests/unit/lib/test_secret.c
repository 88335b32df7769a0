#include "lib/secret.h"

#include "tests/unit/test.h"

TEST(is_empty_when_new_and_when_cleared_twice)
{
        struct secret secret = { 0 };

        assert_true(secret_is_empty(&secret));
        assert_string_equal(secret_text(&secret), "");
        secret_set(&secret, "token", 5);
        secret_clear(&secret);
        secret_clear(&secret);
        assert_true(secret_is_empty(&secret));
}

TEST(copies_what_it_is_given)
{
        scoped(secret_clear) struct secret secret = { 0 };
        char text[] = "token and more";

        secret_set(&secret, text, 5);
        text[0] = 'X';
        assert_string_equal(secret_text(&secret), "token");
        assert_int_equal(secret.length, 5);
}

TEST(can_be_set_from_itself)
{
        scoped(secret_clear) struct secret secret = { 0 };

        secret_set(&secret, "token", 5);
        secret_set(&secret, secret_text(&secret) + 1, 3);
        assert_string_equal(secret_text(&secret), "oke");
}

TEST(moves_when_taken)
{
        scoped(secret_clear) struct secret first = { 0 };

        secret_set(&first, "token", 5);
        scoped(secret_clear) struct secret second = secret_take(&first);
        assert_true(secret_is_empty(&first));
        assert_string_equal(secret_text(&second), "token");
}
