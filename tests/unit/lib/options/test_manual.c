#include "lib/options/manual.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

static const struct option_row rows[] = {
        { "server.port", "port",  'p', NULL, OPTION_INTEGER,   0, "443", 1, 65535, NULL, "PORT",
         "where it listens",                                                                                 NULL },
        { "elsewhere",   NULL,    0,   NULL, OPTION_ELSEWHERE, 0, NULL,  0, 0,     NULL, NULL,   NULL,       NULL },
        { NULL,          "quiet", 0,   "",   OPTION_BOOL,      0, NULL,  0, 0,     NULL, NULL,   "say less", NULL },
};
static const struct options options = { rows, ARRAY_LENGTH(rows), NULL };

static void assert_has(const struct buf *page, const char *part)
{
        if (!strstr(buf_text(page), part))
                fail_msg("\"%s\" is not in:\n%s", part, buf_text(page));
}

TEST(a_page_carries_the_day_that_a_reproducible_build_names)
{
        scoped(buf_clear) struct buf page = { 0 };

        setenv("SOURCE_DATE_EPOCH", "86400", 1);
        manual_begin(&page, "tka-server", 8, "answers");
        unsetenv("SOURCE_DATE_EPOCH");

        assert_has(&page, ".Dd January 02, 1970\n.Dt TKA-SERVER 8\n.Os TKA\n");
        assert_has(&page, ".Nm \"tka\\-server\"\n.Nd \"answers\"\n");
}

TEST(a_flag_is_told_with_its_letter_key_variable_and_default)
{
        scoped(buf_clear) struct buf page = { 0 };

        manual_flags(&page, &options);

        assert_has(&page, ".It Fl p , Fl \"\\-port\" Ar \"PORT\"\nwhere it listens\n");
        assert_has(&page, ".Ic \"server.port\" .\n");
        assert_has(&page, ".Ev TKA_SERVER_PORT .\n");
        assert_has(&page, ".Li \"443\" .\n");
        assert_has(&page, ".It Fl \"\\-quiet\"\nsay less\n.El\n");
}

TEST(keys_are_those_of_the_file_and_of_this_program)
{
        scoped(buf_clear) struct buf page = { 0 };

        manual_keys(&page, &options);

        assert_has(&page, ".It Ic \"server.port\"\n");
        assert_null(strstr(buf_text(&page), "elsewhere"));
        assert_null(strstr(buf_text(&page), "quiet"));
}

TEST(nothing_in_a_text_is_taken_for_a_request)
{
        scoped(buf_clear) struct buf page = { 0 };

        manual_text(&page, ".Sh one\\two. 'Three' follows\n\nFour");

        assert_string_equal(buf_text(&page), "\\&.Sh one\\etwo.\n\\&'Three' follows\n.Pp\nFour\n");
}

TEST(pages_to_see_also_are_references)
{
        scoped(buf_clear) struct buf page = { 0 };

        manual_see_also(&page, "tka-server(8) kubectl(1)");

        assert_has(&page, ".Sh SEE ALSO\n.Xr tka-server 8 ,\n.Xr kubectl 1\n");
}
