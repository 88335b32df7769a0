#include "lib/http/http_answer.h"

#include "lib/limits.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#define LIMIT 100
#define OK "HTTP/1.1 200 OK\r\n"

/* In pieces of so many bytes, and then nothing more comes. */
static bool give(struct http_answer *answer, const char *text, size_t piece, struct error *err)
{
        size_t length = strlen(text);

        for (size_t at = 0; at < length; at += piece)
                if (!http_answer_take(answer, text + at, piece < length - at ? piece : length - at,
                                      err))
                        return false;
        return answer->state == HTTP_ANSWER_WHOLE || http_answer_end(answer, err);
}

static bool read_in_pieces(const char *text, size_t piece, struct http_answer *answer,
                           struct error *err)
{
        http_answer_clear(answer);
        http_answer_init(answer, LIMIT);
        return give(answer, text, piece, err);
}

TEST(reads_every_form_of_a_body_however_it_is_cut)
{
        static const struct {
                const char *text;
                int status;
                bool keep_alive;
                const char *body;
        } cases[] = {
                { OK "Content-Length: 5\r\n\r\nhello",                                               200, true,  "hello"       },
                { OK "content-length:0\r\n\r\n",                                                     200, true,  ""            },
                { OK "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n there\r\n0\r\n\r\n",
                 200,                                                                                     true,  "hello there" },
                { OK "Transfer-Encoding: chunked\r\n\r\n0A\r\n0123456789\r\n000\r\nX: y\r\n\r\n",
                 200,                                                                                     true,  "0123456789"  },
                { OK "\r\nto the end",                                                               200, false, "to the end"  },
                { OK "Connection: keep-alive, Close\r\nContent-Length: 1\r\n\r\nx",                  200, false,
                 "x"                                                                                                           },
                { "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno",                           404, false, "no"          },
                { "HTTP/1.1 204 No Content\r\n\r\n",                                                 204, true,  ""            },
                { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx",         200,
                 true,                                                                                           "x"           },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                for (size_t piece = 1; piece < 40; piece++) {
                        scoped(http_answer_clear) struct http_answer answer = { 0 };
                        struct error err = { 0 };

                        assert_ok(read_in_pieces(cases[i].text, piece, &answer, &err));
                        assert_int_equal(answer.status, cases[i].status);
                        assert_int_equal(answer.keep_alive, cases[i].keep_alive);
                        assert_string_equal(buf_text(&answer.body), cases[i].body);
                }
}

TEST(believes_no_answer_that_can_be_read_in_two_ways)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "garbage\r\n",                                                     "does not begin with HTTP/1.1" },
                { "HTTP/2 200 OK\r\n",                                               "does not begin with HTTP/1.1" },
                { "HTTP/1.1 20 OK\r\n",                                              "no number of three digits"    },
                { "HTTP/1.1 2OO OK\r\n",                                             "no number of three digits"    },
                { "HTTP/1.1 200 OK\n",                                               "does not end in CRLF"         },
                { OK "A: b\n\r\n",                                                   "does not end in CRLF"         },
                { OK "A: b\rc\r\n",                                                  "a control character"          },
                { OK "A: b\r\n c\r\n",                                               "not \"Name: value\""          },
                { OK "A : b\r\n",                                                    "not \"Name: value\""          },
                { OK "nothing\r\n",                                                  "not \"Name: value\""          },
                { OK "Content-Length: 1\r\nContent-Length: 1\r\n",                   "more than one Content-Length" },
                { OK "Content-Length: +1\r\n",                                       "Content-Length is no number"  },
                { OK "Content-Length: 1, 1\r\n",                                     "Content-Length is no number"  },
                { OK "Content-Length:\r\n",                                          "Content-Length is no number"  },
                { OK "Content-Length: 9999999999999999999999\r\n",                   "Content-Length is no number"  },
                { OK "Content-Length: 101\r\n",                                      "larger than 100 bytes"        },
                { OK "Transfer-Encoding: gzip, chunked\r\n",                         "other than chunked"           },
                { OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                 "other than chunked"                                                                               },
                { OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
                 "beside a Transfer-Encoding"                                                                       },
                { OK "Transfer-Encoding: chunked\r\n\r\n\r\n",                       "no short number"              },
                { OK "Transfer-Encoding: chunked\r\n\r\n0x1\r\n",                    "no short number"              },
                { OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n",                     "no short number"              },
                { OK "Transfer-Encoding: chunked\r\n\r\n000000001\r\n",              "no short number"              },
                { OK "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",               "larger than 100 bytes"        },
                { OK "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
                 "longer than it says"                                                                              },
                { OK "Content-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n",                "bytes behind its end"         },
                { OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n.",                 "bytes behind its end"         },
                { "",                                                                "closed without an answer"     },
                { OK,                                                                "broke off while answering"    },
                { OK "Content-Length: 2\r\n\r\nx",                                   "broke off while answering"    },
                { OK "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",                 "broke off while answering"    },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                for (size_t piece = 1; piece < 90; piece += 11) {
                        scoped(http_answer_clear) struct http_answer answer = { 0 };
                        struct error err = { 0 };

                        assert_false(read_in_pieces(cases[i].text, piece, &answer, &err));
                        assert_non_null(strstr(err.text, cases[i].words));
                }
}

/* What goes on for ever is refused at the limit, and not kept until then. */
TEST(bounds_what_never_ends)
{
        static const struct {
                const char *beginning, *repeated;
        } cases[] = {
                { OK,                                           "X-A: 0123456789\r\n"    },
                { OK "X-A: ",                                   "0123456789"             },
                { "HTTP/1.1 ",                                  "0123456789"             },
                { "",                                           "HTTP/1.1 100 x\r\n\r\n" },
                { OK "\r\n",                                    "0123456789"             },
                { OK "Transfer-Encoding: chunked\r\n\r\n",      "1\r\nx\r\n"             },
                { OK "Transfer-Encoding: chunked\r\n\r\n1;",    "0123456789"             },
                { OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"               },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(http_answer_clear) struct http_answer answer = { 0 };
                const char *repeated = cases[i].repeated;
                struct error err = { 0 };
                size_t given = 0;

                http_answer_init(&answer, LIMIT);
                assert_ok(http_answer_take(&answer, cases[i].beginning, strlen(cases[i].beginning),
                                           &err));
                while (http_answer_take(&answer, repeated, strlen(repeated), &err))
                        given += strlen(repeated);
                assert_true(given <= LIMIT_HTTP_ANSWER_HEAD);
                assert_int_equal(err.kind, ERROR_INVALID);
        }
}

static bool receive(void *owner, const char *bytes, size_t length, struct error *err)
{
        (void)err;
        return buf_append(owner, bytes, length);
}

/* More than may be kept, since it is not; of another status it is, as ever. */
TEST(gives_the_body_of_an_answer_to_its_sink)
{
        static const struct {
                const char *text, *taken, *body, *words; /* words: of why it is refused */
        } cases[] = {
                { OK "Content-Length: 5\r\n\r\nabcde",                                     "abcde", "",   NULL                  },
                { OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", "abcde",
                 "",                                                                                      NULL                  },
                { OK "\r\nabcde",                                                          "abcde", "",   NULL                  },
                { OK "Content-Length: 7\r\n\r\n",                                          "",      "",   "larger than 6 bytes" },
                { OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\n",                "abc",   "",
                 "larger than 6 bytes"                                                                                          },
                { OK "\r\nabcde!!",                                                        NULL,    "",   "larger than 6 bytes" },
                { "HTTP/1.1 500 No\r\n\r\nno",                                             "",      "no", NULL                  },
                { "HTTP/1.1 500 No\r\n\r\nno, no",                                         "",      NULL, "larger than 4 bytes" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                for (size_t piece = 1; piece < 60; piece++) {
                        scoped(http_answer_clear) struct http_answer answer = { 0 };
                        scoped(buf_clear) struct buf taken = { 0 };
                        const struct http_sink sink = { receive, &taken, 6 };
                        struct error err = { 0 };

                        http_answer_init(&answer, 4);
                        answer.sink = &sink;
                        assert_int_equal(give(&answer, cases[i].text, piece, &err),
                                         !cases[i].words);
                        assert_true(!cases[i].words || strstr(err.text, cases[i].words));
                        assert_true(!cases[i].taken || !strcmp(buf_text(&taken), cases[i].taken));
                        assert_true(!cases[i].body ||
                                    !strcmp(buf_text(&answer.body), cases[i].body));
                }
}
