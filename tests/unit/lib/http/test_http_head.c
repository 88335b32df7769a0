#include "lib/http/http_head.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#define HOST "Host: tka\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define BIG (3 * LIMIT_HTTP_HEAD)

static enum http_head_result parse(const char *text, struct http_head *head, struct error *err)
{
        return http_head_parse(text, strlen(text), LIMIT_HTTP_BODY, head, err);
}

static void assert_text(struct http_text text, const char *expected)
{
        assert_int_equal(text.length, strlen(expected));
        assert_memory_equal(text.start, expected, text.length);
}

/* Refused with that status and those words, and the head left alone. */
static void assert_refused(const char *bytes, size_t length, int status, const char *words)
{
        struct http_head head;
        struct http_head before;
        struct error err = { 0 };

        memset(&head, 0x5a, sizeof(head));
        memcpy(&before, &head, sizeof(head));
        if (http_head_parse(bytes, length, LIMIT_HTTP_BODY, &head, &err) != HTTP_HEAD_REFUSED)
                fail_msg("taken: %.60s", bytes);
        if (error_http_status(&err) != status || !strstr(err.text, words))
                fail_msg("%.60s: %d %s", bytes, error_http_status(&err), err.text);
        assert_memory_equal(&head, &before, sizeof(head));
}

TEST(reads_a_request)
{
        struct http_head head;
        struct error err = { 0 };
        const char *text = "POST /api/v1alpha1/login?x=1 HTTP/1.1\r\n"
                           "host: [fd7a::1]:8080\r\n"
                           "X-Empty:\r\n"
                           "Content-Type:\t application/json \t\r\n"
                           "content-length: 11\r\n"
                           "X-Latin: caf\xe9 \"a:b\"\r\n"
                           "\r\n{\"a\": true}GET";

        assert_int_equal(parse(text, &head, &err), HTTP_HEAD_COMPLETE);
        assert_text(head.method, "POST");
        assert_text(head.target, "/api/v1alpha1/login?x=1");
        assert_int_equal(head.header_count, 5);
        assert_text(head.headers[0].value, "[fd7a::1]:8080");
        assert_text(head.headers[1].name, "X-Empty");
        assert_text(head.headers[1].value, "");
        assert_text(head.headers[2].value, "application/json");
        assert_text(head.headers[4].value, "caf\xe9 \"a:b\"");
        assert_int_equal(head.content_length, 11);
        assert_text((struct http_text){ text + head.length, 1 }, "{");
        assert_true(head.keep_alive);
        assert_false(head.expects_continue);
}

TEST(reads_what_the_client_wishes_for_the_connection)
{
        struct http_head head;
        struct error err = { 0 };

        assert_int_equal(parse(GET "Connection: Keep-Alive , CLOSE\r\n\r\n", &head, &err),
                         HTTP_HEAD_COMPLETE);
        assert_false(head.keep_alive);
        assert_int_equal(parse(GET "Expect: 100-Continue\r\n\r\n", &head, &err),
                         HTTP_HEAD_COMPLETE);
        assert_true(head.expects_continue && head.keep_alive);
        assert_int_equal(parse(GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", &head, &err),
                         HTTP_HEAD_COMPLETE);
        assert_true(head.keep_alive);
}

TEST(every_part_of_a_good_head_is_incomplete_and_nothing_else)
{
        const char *text = "PUT /a?b HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\nA: b\r\n\r\n";
        struct error err = { 0 };

        for (size_t length = 0; length < strlen(text); length++) {
                struct http_head head;
                scoped_free char *part = xmalloc(length + 1); /* for ASan to see its end */

                memcpy(part, text, length);
                assert_int_equal(http_head_parse(part, length, 10, &head, &err),
                                 HTTP_HEAD_INCOMPLETE);
        }
}

/* Each refused as soon as the bytes shown are there. */
static const struct {
        const char *text;
        int status;
        const char *words;
} refused[] = {
        { "\r\nGET / HTTP/1.1\r\n",                                  400, "method"             },
        { " / HTTP/1.1\r\n",                                         400, "method"             },
        { "G@T",                                                     400, "method"             },
        { "AVERYLONGMETHODTHATNOBODYEVERREGISTERED",                 400, "method"             },
        { "\x16\x03\x01",                                            400, "0x16"               },
        { "GET  / HTTP/1.1\r\n",                                     400, "start with /"       },
        { "GET\t/ HTTP/1.1\r\n",                                     400, "method"             },
        { "GET /\r\n",                                               400, "METHOD /target"     },
        { "GET / \r\n",                                              400, "METHOD /target"     },
        { "GET / HTTP/1.1 \r\n",                                     400, "METHOD /target"     },
        { "GET / http/1.1\r\n",                                      400, "METHOD /target"     },
        { "GET / HTTP/1.0\r\n",                                      505, "HTTP/1.0"           },
        { "GET / HTTP/1.2\r\n",                                      505, "HTTP/1.2"           },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",                        400, "start with /"       },
        { "GET http://evil/ HTTP/1.1\r\n",                           400, "start with /"       },
        { "CONNECT evil:80 HTTP/1.1\r\n",                            400, "start with /"       },
        { "GET x HTTP/1.1\r\n",                                      400, "start with /"       },
        { "GET /a#b HTTP/1.1\r\n",                                   400, "percent-encoded"    },
        { "GET /\xc3\xa9 HTTP/1.1\r\n",                              400, "percent-encoded"    },
        { "GET /\x7f HTTP/1.1\r\n",                                  400, "0x7f"               },
        { "GET / HTTP/1.1\n",                                        400, "CRLF"               },
        { "GET / HTTP/1.1\rX",                                       400, "CRLF"               },
        { GET "A: b\n",                                              400, "CRLF"               },
        { GET "A: b\rc\r\n",                                         400, "CRLF"               },
        { GET "A: b\r\n c\r\n",                                      400, "folded"             },
        { GET "A : b\r\n",                                           400, "header line 2"      },
        { GET ": b\r\n",                                             400, "header line 2"      },
        { GET "A(B): c\r\n",                                         400, "header line 2"      },
        { GET "A\r\n",                                               400, "header line 2"      },
        { "GET / HTTP/1.1\r\n\r\n",                                  400, "no Host"            },
        { GET "host: b\r\n",                                         400, "more than one Host" },
        { "GET / HTTP/1.1\r\nHost:\r\n",                             400, "Host is not"        },
        { "GET / HTTP/1.1\r\nHost: a/b\r\n",                         400, "Host is not"        },
        { "GET / HTTP/1.1\r\nHost: a, b\r\n",                        400, "Host is not"        },
        { GET "Authorization: a\r\nauthorization: a\r\n",            400, "one Authorization"  },
        { GET "Content-Type: a\r\nContent-Type: a\r\n",              400, "one Content-Type"   },
        { GET "Content-Length: 0\r\nContent-Length: 30\r\n",         400, "one Content-Length" },
        { GET "Content-Length: 3\r\nContent-Length: 3\r\n",          400, "one Content-Length" },
        { GET "Content-Length: +2\r\n",                              400, "not a number"       },
        { GET "Content-Length: -1\r\n",                              400, "not a number"       },
        { GET "Content-Length: 0x2\r\n",                             400, "not a number"       },
        { GET "Content-Length: 2, 2\r\n",                            400, "not a number"       },
        { GET "Content-Length:\r\n",                                 400, "not a number"       },
        { GET "Content-Length: 4294967298\r\n",                      413, "10 digits"          },
        { GET "Content-Length: 18446744073709551618\r\n",            413, "20 digits"          },
        { GET "Content-Length: 65537\r\n\r\n",                       413, "65537"              },
        { GET "Transfer-Encoding: chunked\r\n",                      501, "Content-Length"     },
        { GET "Transfer-Encoding: xchunked\r\n",                     501, "Content-Length"     },
        { GET "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 501, "Length"             },
        { GET "Transfer-Encoding : chunked\r\n",                     400, "header line 2"      },
        { GET "Expect: 200-ok\r\n",                                  417, "100-continue"       },
};

TEST(refuses_what_is_not_strictly_http)
{
        for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
                assert_refused(refused[i].text, strlen(refused[i].text), refused[i].status,
                               refused[i].words);
}

TEST(refuses_a_zero_byte_wherever_it_stands)
{
        static const char method[] = "GE\0T / HTTP/1.1\r\n";
        static const char target[] = "GET /a\0b HTTP/1.1\r\n";
        static const char value[] = GET "A: b\0c\r\n";

        assert_refused(method, sizeof(method) - 1, 400, "0x00");
        assert_refused(target, sizeof(target) - 1, 400, "0x00");
        assert_refused(value, sizeof(value) - 1, 400, "0x00");
}

/* start, then c as often as said, then end. */
static char *grow(const char *start, char c, size_t count, const char *end)
{
        scoped_free char *middle = xmalloc(count + 1);

        memset(middle, c, count);
        middle[count] = '\0';
        return xasprintf("%s%s%s", start, middle, end);
}

TEST(refuses_a_target_that_is_too_long_before_its_end)
{
        struct http_head head;
        struct error err = { 0 };
        scoped_free char *longest =
                grow("GET /", 'a', LIMIT_HTTP_TARGET - 1, " HTTP/1.1\r\n" HOST "\r\n");
        scoped_free char *whole = grow("GET /", 'a', LIMIT_HTTP_TARGET, " HTTP/1.1\r\n");
        scoped_free char *partial = grow("GET /", 'a', LIMIT_HTTP_TARGET, "");

        assert_int_equal(parse(longest, &head, &err), HTTP_HEAD_COMPLETE);
        assert_refused(whole, strlen(whole), 414, "8192");
        assert_refused(partial, strlen(partial), 414, "8192");
}

TEST(refuses_a_head_that_is_too_long_before_its_end)
{
        scoped_free char *partial = grow(GET "A: ", 'a', LIMIT_HTTP_HEAD, "");
        scoped_free char *whole = grow(GET "A: ", 'a', LIMIT_HTTP_HEAD, "\r\n\r\n");
        scoped_free char *version = grow("GET / ", 'a', LIMIT_HTTP_HEAD, "");

        assert_refused(partial, strlen(partial), 431, "16384");
        assert_refused(whole, strlen(whole), 431, "16384");
        assert_refused(version, strlen(version), 431, "16384");
}

TEST(takes_as_many_headers_as_the_limit_and_no_more)
{
        struct http_head head;
        struct error err = { 0 };
        char text[BIG] = GET;
        size_t length = strlen(text);

        for (int i = 1; i < LIMIT_HTTP_HEADERS; i++)
                length += (size_t)snprintf(text + length, sizeof(text) - length, "a:\r\n");
        snprintf(text + length, sizeof(text) - length, "\r\n");
        assert_int_equal(parse(text, &head, &err), HTTP_HEAD_COMPLETE);
        snprintf(text + length, sizeof(text) - length, "a:\r\n\r\n");
        assert_refused(text, strlen(text), 431, "64 headers");
}

TEST(compares_names_without_case_and_texts_with_it)
{
        struct http_text text = { "Host: x", 4 };

        assert_true(http_text_equals(text, "Host"));
        assert_false(http_text_equals(text, "host"));
        assert_false(http_text_equals(text, "Host:"));
        assert_true(http_text_equals_ignoring_case(text, "hOST"));
        assert_false(http_text_equals_ignoring_case(text, "Hos"));
}
