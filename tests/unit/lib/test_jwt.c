#include "lib/jwt.h"

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(reads_the_end_of_a_token_and_takes_all_else_for_unknown)
{
        static const struct {
                const char *text;
                int64_t expires;
        } rows[] = {
                { "e30.eyJleHAiOjE3MDAwMDAwMDB9.c2ln",         1700000000 }, /* {"exp":1700000000} */
                { "e30.eyJleHAiOjE3MDAwMDAwMDAsImEiOjF9.c2ln", 1700000000 }, /* with "a":1 */
                { "e30.eyJhIjoiPz8_In0.c2ln",                  0          }, /* base64url, no exp */
                { "e30.eyJleHAiOiJzb29uIn0.c2ln",              0          }, /* "soon" */
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
                assert_int_equal(jwt_expires(rows[i].text), rows[i].expires);
}

TEST(gives_what_stands_in_base64url)
{
        json_auto_t *claims = NULL;
        struct error err = { 0 };

        assert_ok(jwt_read("e30.eyJhIjoiPz8_In0.c2ln", &claims, &err));
        assert_string_equal(json_text_at(claims, "a"), "???");
}

TEST(refuses_what_is_no_token_and_quotes_none_of_it)
{
        static const char *const rows[] = {
                "",          "opaque",  "e30.",          "e30.e30",       "e30..c2ln",
                "e30.W10.s", "e30.a.s", "e30.!!!!.c2ln", "e30.e30=.c2ln", "e30.YQ.c2ln",
        };
        json_t *claims = NULL;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                assert_fails(jwt_read(rows[i], &claims, &err), ERROR_INVALID, "no JWT");
                assert_string_equal(err.text, "the token is no JWT");
                assert_null(claims);
                assert_int_equal(jwt_expires(rows[i]), 0);
        }
}
