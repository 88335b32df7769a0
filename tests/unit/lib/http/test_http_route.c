#include "lib/http/http_connection.h"

#include "tests/unit/lib/http/http_world.h"

TEST(refuses_paths_and_methods_that_are_not_in_the_table)
{
        open_world();
        assert_answer(GET("/nowhere"), "404 Not Found", "{\"message\":\"there is no /nowhere here");
        assert_string_equal(world.last, "GET  404 there is no /nowhere here");
        assert_answer(GET("/n%6fw"), "404 Not Found", "");
        assert_answer(GET("//now"), "404 Not Found", "");
        assert_answer(GET("/now/x/../"), "404 Not Found", "");
        assert_answer("DELETE /now HTTP/1.1\r\n" HOST "\r\n", "405 ", "Allow: GET, HEAD, POST\r\n");
        assert_answer("get /now HTTP/1.1\r\n" HOST "\r\n", "405 ", "Allow: ");
        assert_answer("HEAD /echo HTTP/1.1\r\n" HOST "\r\n", "405 ", "Allow: POST\r\n");
        close_world();
}

TEST(redirects_a_trailing_slash)
{
        open_world();
        assert_answer(GET("/now/?a=b"), "301 Moved", "Location: /now?a=b\r\n");
        assert_answer("POST /echo/ HTTP/1.1\r\n" HOST "\r\n", "307 Temp", "Location: /echo\r\n");
        close_world();
}
