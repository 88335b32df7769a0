#include "tests/unit/test.h"

#include <stdio.h>

#include "schema/error_body.h"

static bool decode(int status, const char *body, struct error *err)
{
        return error_body_decode(status, body, strlen(body), err);
}

TEST(takes_message_causes_and_all_advice)
{
        struct error err = { 0 };

        assert_fails(decode(401,
                            "{\"message\":\"User not signed in\",\"advice\":[\"run 'tka login'\","
                            "\"or not\"],\"cause\":{\"message\":\"not found\",\"cause\":"
                            "{\"message\":\"deep\"}}}",
                            &err),
                     ERROR_UNAUTHENTICATED, "User not signed in: not found: deep");
        assert_string_equal(err.advice, "run 'tka login'; or not");
        assert_int_equal(err.http_status, 401);
}

TEST(keeps_the_status_that_the_kind_does_not_say)
{
        struct error err = { 0 };

        assert_fails(decode(422, "{\"message\":\"too long\"}", &err), ERROR_INVALID, "too long");
        assert_int_equal(err.http_status, 422);
        assert_fails(decode(429, "{\"message\":\"slow down\"}", &err), ERROR_UNAVAILABLE, "slow");
        assert_fails(decode(202, "{\"message\":\"wait\"}", &err), ERROR_PENDING, "wait");
        assert_fails(decode(200, "{\"message\":\"odd\"}", &err), ERROR_INTERNAL, "odd");
}

TEST(shows_an_excerpt_of_what_is_no_error_body)
{
        struct error err = { 0 };

        assert_fails(decode(502, "<html>\r\n  <h1>Bad\x1b[2J Gateway</h1>", &err),
                     ERROR_UNAVAILABLE, "HTTP status 502: <html> <h1>Bad [2J Gateway</h1>");
        assert_fails(decode(500, "", &err), ERROR_INTERNAL, "HTTP status 500");
        assert_fails(error_body_decode(404, NULL, 0, &err), ERROR_NOT_FOUND, "HTTP status 404");
        assert_fails(decode(403, "{}", &err), ERROR_DENIED, "HTTP status 403: {}");
        assert_fails(decode(403, "{\"message\":7}", &err), ERROR_DENIED, "HTTP status 403");
        assert_fails(decode(403, "[]", &err), ERROR_DENIED, "HTTP status 403: []");
        assert_string_equal(err.advice, "");
}

TEST(lets_no_control_character_through)
{
        struct error err = { 0 };

        assert_fails(decode(400, "{\"message\":\"a\\u001b[2Jb\\nc\"}", &err), ERROR_INVALID,
                     "a?[2Jb?c");
}

TEST(does_not_follow_causes_for_ever)
{
        char body[4096] = "";
        size_t length = 0;
        struct error err = { 0 };

        for (int i = 0; i < 30; i++)
                length += (size_t)snprintf(body + length, sizeof(body) - length,
                                           "{\"message\":\"m%d\",\"cause\":", i);
        length += (size_t)snprintf(body + length, sizeof(body) - length, "{}");
        memset(body + length, '}', 30);
        assert_fails(decode(500, body, &err), ERROR_INTERNAL, "m0: m1: m2");
        assert_null(strstr(err.text, "m8"));
}

TEST(cuts_a_long_message)
{
        char body[2000] = "{\"message\":\"";
        struct error err = { 0 };

        memset(body + strlen(body), 'x', 1900);
        memcpy(body + 1912, "\"}", 3);
        assert_fails(decode(500, body, &err), ERROR_INTERNAL, "xxx");
        assert_int_equal(strlen(err.text), 300);
}
