#include "lib/buf.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(holds_nothing_when_new)
{
        struct buf buf = { 0 };

        assert_string_equal(buf_text(&buf), "");
        buf_clear(&buf);
        buf_clear(&buf);
}

TEST(grows_and_stays_terminated)
{
        scoped(buf_clear) struct buf buf = { 0 };

        for (int i = 0; i < 1000; i++)
                buf_printf(&buf, "%d,", i);
        assert_int_equal(buf.length, 3890);
        assert_int_equal(strlen(buf.text), buf.length);
        assert_memory_equal(buf.text, "0,1,2,3,", 8);
}

TEST(takes_exactly_its_limit)
{
        scoped(buf_clear) struct buf buf = { 0 };

        buf_init(&buf, 4);
        assert_true(buf_append(&buf, "abcd", 4));
        assert_false(buf_append(&buf, "e", 1));
        assert_true(buf_append(&buf, "", 0));
        assert_string_equal(buf_text(&buf), "abcd");
}

TEST(appends_nothing_of_what_passes_the_limit)
{
        scoped(buf_clear) struct buf buf = { 0 };

        buf_init(&buf, 4);
        assert_true(buf_append(&buf, "ab", 2));
        assert_false(buf_append(&buf, "cde", 3));
        assert_false(buf_append(&buf, "x", SIZE_MAX));
        assert_string_equal(buf_text(&buf), "ab");
}

TEST(keeps_its_limit_when_cleared)
{
        scoped(buf_clear) struct buf buf = { 0 };

        buf_init(&buf, 2);
        assert_true(buf_append(&buf, "ab", 2));
        buf_clear(&buf);
        assert_int_equal(buf.length, 0);
        assert_false(buf_append(&buf, "abc", 3));
}

TEST(aborts_when_our_own_text_passes_the_limit)
{
        int status = 0;
        pid_t child = fork();

        if (!child) {
                struct buf buf = { .limit = 2 };
                signal(SIGABRT, SIG_DFL);
                buf_add(&buf, "abc");
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST(escapes_all_but_unreserved_characters)
{
        scoped(buf_clear) struct buf buf = { 0 };

        buf_add_escaped(&buf, "aZ09-._~/ ?%\xc3\xbc");
        assert_string_equal(buf_text(&buf), "aZ09-._~%2F%20%3F%25%C3%BC");
}

TEST(drops_from_either_end)
{
        scoped(buf_clear) struct buf buf = { 0 };

        buf_add(&buf, "first second");
        buf_consume(&buf, 6);
        assert_string_equal(buf_text(&buf), "second");
        buf_truncate(&buf, 3);
        assert_string_equal(buf_text(&buf), "sec");
        buf_consume(&buf, 3);
        assert_string_equal(buf_text(&buf), "");
        buf_consume(&buf, 0);
}

TEST(wipes_what_it_drops)
{
        scoped(buf_clear) struct buf buf = { 0 };
        static const char zeros[16];

        buf_add(&buf, "token secret");
        buf_truncate(&buf, 6);
        assert_memory_equal(buf.text + 6, zeros, 6);
        buf_consume(&buf, 6);
        assert_memory_equal(buf.text, zeros, 12);
}

TEST(hands_its_text_over)
{
        scoped(buf_clear) struct buf buf = { 0 };
        scoped_free char *nothing = buf_take(&buf);

        buf_add(&buf, "text");
        scoped_free char *text = buf_take(&buf);
        assert_string_equal(nothing, "");
        assert_string_equal(text, "text");
        assert_string_equal(buf_text(&buf), "");
}
