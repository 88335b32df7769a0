#include "server/token.h"

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

/* {"exp":1800000000,"jti":"abc","kubernetes.io":{"serviceaccount":{"uid":"u1"}}} */
#define PAYLOAD \
        "eyJleHAiOjE4MDAwMDAwMDAsImp0aSI6ImFiYyIsImt1YmVybmV0ZXMuaW8iOnsic2VydmljZWFjY291bnQiOnsi" \
        "dWlkIjoidTEifX19"
#define LATER INT64_C(4000000000)

static bool decode(const char *jwt, const char *until, int64_t ends, struct token *token,
                   struct error *err)
{
        json_auto_t *answer =
                json_pack("{s:{s:s, s:s}}", "status", "token", jwt, "expirationTimestamp", until);

        return token_decode(answer, "u1", ends, token, err);
}

TEST(reads_a_token_with_its_end_and_its_id)
{
        scoped(token_clear) struct token token = { 0 };
        struct error err = { 0 };

        assert_ok(decode("h." PAYLOAD ".s", "2030-01-01T00:00:00Z", LATER, &token, &err));
        assert_int_equal(token.expires, 1800000000);
        assert_string_equal(token.jti, "abc");
        assert_string_equal(secret_text(&token.secret), "h." PAYLOAD ".s");
}

TEST(a_token_counts_until_the_first_of_its_ends)
{
        scoped(token_clear) struct token token = { 0 };
        struct error err = { 0 };

        assert_ok(decode("h." PAYLOAD ".s", "1970-01-01T00:01:40Z", LATER, &token, &err));
        assert_int_equal(token.expires, 100);
        assert_ok(decode("h." PAYLOAD ".s", "soon", 99, &token, &err));
        assert_int_equal(token.expires, 99);
        assert_fails(decode("h." PAYLOAD ".s", "1970-01-01T00:00:00Z", LATER, &token, &err),
                     ERROR_INTERNAL, "ended before it began");
        assert_int_equal(token.expires, 99);
}

TEST(refuses_a_token_of_another_service_account)
{
        json_auto_t *answer = json_pack("{s:{s:s}}", "status", "token", "h." PAYLOAD ".s");
        scoped(token_clear) struct token token = { .expires = 7 };
        struct error err = { 0 };

        assert_fails(token_decode(answer, "u2", LATER, &token, &err), ERROR_CONFLICT,
                     "another ServiceAccount");
        assert_int_equal(token.expires, 7);
}

TEST(refuses_what_is_no_token)
{
        static const char *const texts[] = { "",         "x",     "a.b",        "..",     "h..s",
                                             "h.!!!!.s", "h.e.s", "h.bnVsbA.s", "h.e30.s" };
        scoped(token_clear) struct token token = { 0 };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                assert_false(decode(texts[i], "2030-01-01T00:00:00Z", LATER, &token, &err));
                assert_true(err.kind == ERROR_INTERNAL || err.kind == ERROR_CONFLICT);
                assert_true(secret_is_empty(&token.secret) && token.expires == 0);
        }
}

TEST(refuses_an_answer_without_a_token)
{
        json_auto_t *answer = json_pack("{s:{s:i}}", "status", "token", 5);
        scoped(token_clear) struct token token = { 0 };
        struct error err = { 0 };

        assert_fails(token_decode(answer, "u1", LATER, &token, &err), ERROR_INTERNAL,
                     "holds no token");
}
