#include "server/token.h"

#include "tests/unit/test.h"

/* {"exp":1800000000,"jti":"abc","kubernetes.io":{"serviceaccount":{"uid":"u1"}}} */
#define PAYLOAD \
        "eyJleHAiOjE4MDAwMDAwMDAsImp0aSI6ImFiYyIsImt1YmVybmV0ZXMuaW8iOnsic2VydmljZWFjY291bnQiOnsi" \
        "dWlkIjoidTEifX19"

TEST(reads_end_and_id_of_a_token)
{
        scoped(token_clear) struct token token = { 0 };
        struct error err = { 0 };

        assert_ok(token_read_claims("h." PAYLOAD ".s", "u1", &token, &err));
        assert_int_equal(token.expires, 1800000000);
        assert_string_equal(token.jti, "abc");
}

TEST(refuses_a_token_of_another_service_account)
{
        scoped(token_clear) struct token token = { .expires = 7 };
        struct error err = { 0 };

        assert_fails(token_read_claims("h." PAYLOAD ".s", "u2", &token, &err), ERROR_CONFLICT,
                     "another ServiceAccount");
        assert_int_equal(token.expires, 7);
}

TEST(refuses_what_is_no_token)
{
        static const char *const texts[] = { "",         "x",     "a.b",        "..",     "h..s",
                                             "h.!!!!.s", "h.e.s", "h.bnVsbA.s", "h.e30.s" };
        scoped(token_clear) struct token token = { 0 };
        struct error err = { 0 };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                assert_false(token_read_claims(texts[i], "u1", &token, &err));
                assert_true(err.kind == ERROR_INTERNAL || err.kind == ERROR_CONFLICT);
                assert_int_equal(token.expires, 0);
        }
}
