#include "lib/http/http_client.h"

#include <stdlib.h>

#include "tests/unit/lib/http/http_fixture.h"

static bool open_stream(struct fixture *fixture, struct http_stream **stream, struct error *err)
{
        struct http_request request = make_request(fixture);

        request.limit_bytes = 100000;
        return http_stream_open(fixture->client, &request, stream, &fixture->reply, err);
}

static struct http_stream *set_up_stream(struct fixture *fixture, const struct peer_answer *answer)
{
        struct http_stream *stream = NULL;
        struct error err = { 0 };

        set_up(fixture, answer, 1);
        assert_ok(open_stream(fixture, &stream, &err));
        return stream;
}

static bool read_line(struct http_stream *stream, struct error *err)
{
        const char *line = NULL;
        size_t length = 0;

        return http_stream_read_line(stream, 1000, &line, &length, err);
}

static void expect_line(struct http_stream *stream, const char *expected)
{
        struct error err = { 0 };
        const char *line;
        size_t length;

        assert_ok(http_stream_read_line(stream, 1000, &line, &length, &err));
        assert_string_equal(line, expected);
        assert_int_equal(length, strlen(expected));
}

static void expect_end(struct http_stream *stream)
{
        struct error err = { .kind = ERROR_INTERNAL };
        const char *line = "untouched";
        size_t length;

        assert_false(http_stream_read_line(stream, 1000, &line, &length, &err));
        assert_int_equal(err.kind, ERROR_NONE);
        assert_string_equal(line, "untouched");
}

TEST(reads_lines_however_they_arrive)
{
        static const struct peer_answer answer = { STREAM_HEAD "one\ntw", PEER_KEEPS };
        struct fixture fixture;
        struct error err = { 0 };
        const char *line;
        size_t length;

        struct http_stream *stream = set_up_stream(&fixture, &answer);
        expect_line(stream, "one");
        assert_fails(http_stream_read_line(stream, 20, &line, &length, &err), ERROR_UNAVAILABLE,
                     "timed out");
        peer_send(&fixture.peer, "o\n\nthree\n");
        expect_line(stream, "two");
        expect_line(stream, "");
        expect_line(stream, "three");
        peer_finish(&fixture.peer, PEER_CLOSES);
        expect_end(stream);
        expect_end(stream);
        http_stream_free(stream);
        tear_down(&fixture);
}

TEST(reports_a_stream_that_breaks_in_the_middle_of_a_line)
{
        static const struct {
                struct peer_answer answer;
                const char *words;
        } cases[] = {
                { { STREAM_HEAD "half", PEER_CLOSES },                                               "ended in the middle of a line" },
                { { STREAM_HEAD "half", PEER_RESETS },                                               "broke off"                     },
                { { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", PEER_CLOSES },
                 "broke off"                                                                                                         },
        };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                set_up(&fixture, &cases[i].answer, 1);
                assert_fails(open_stream(&fixture, &stream, &err) && read_line(stream, &err),
                             ERROR_UNAVAILABLE, cases[i].words);
                http_stream_free(take(stream));
                tear_down(&fixture);
        }
}

TEST(refuses_a_line_over_the_limit)
{
        scoped(buf_clear) struct buf bytes = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        buf_add(&bytes, STREAM_HEAD);
        for (int i = 0; i < 30000; i++)
                buf_add(&bytes, "0123456789");
        const struct peer_answer answer = { bytes.text, PEER_KEEPS };
        struct http_stream *stream = set_up_stream(&fixture, &answer);
        assert_fails(read_line(stream, &err), ERROR_UNAVAILABLE, "longer than 100000 bytes");
        http_stream_free(stream);
        tear_down(&fixture);
}

TEST(makes_the_sender_wait_while_nobody_reads)
{
        enum { LINES = 200000 };
        scoped(buf_clear) struct buf bytes = { 0 };
        struct fixture fixture;
        struct error err = { 0 };
        const char *line;
        size_t length;

        buf_add(&bytes, STREAM_HEAD);
        for (int i = 0; i < LINES; i++)
                buf_printf(&bytes, "%099d\n", i);
        const struct peer_answer answer = { bytes.text, PEER_CLOSES };
        struct http_stream *stream = set_up_stream(&fixture, &answer);
        turn_loop(&fixture, 200);
        assert_non_null(fixture.peer.latest); /* still has bytes to send */
        for (int i = 0; i < LINES; i++) {
                assert_ok(http_stream_read_line(stream, 1000, &line, &length, &err));
                assert_int_equal(length, 99);
                assert_int_equal(strtol(line, NULL, 10), i);
        }
        expect_end(stream);
        http_stream_free(stream);
        tear_down(&fixture);
}

TEST(opens_no_stream_on_another_status)
{
        static const struct peer_answer answers[] = {
                { PEER_JSON("410 Gone", "{\"code\":410}"), PEER_CLOSES },
        };
        struct http_stream *stream = NULL;
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        assert_false(open_stream(&fixture, &stream, &err));
        assert_int_equal(err.http_status, 410);
        assert_int_equal(fixture.reply.status, 410);
        assert_string_equal(buf_text(&fixture.reply.body), "{\"code\":410}");
        assert_null(stream);
        tear_down(&fixture);
}

TEST(ends_a_stream_whose_client_is_freed)
{
        static const struct peer_answer answer = { STREAM_HEAD, PEER_KEEPS };
        struct fixture fixture;
        struct error err = { 0 };

        struct http_stream *stream = set_up_stream(&fixture, &answer);
        http_client_free(take(fixture.client));
        assert_fails(read_line(stream, &err), ERROR_UNAVAILABLE, "the client was closed");
        http_stream_free(stream);
        tear_down(&fixture);
}
