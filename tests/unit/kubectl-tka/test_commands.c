#include <stdio.h>

#include "kubectl-tka/commands.h"
#include "kubectl-tka/tailnet.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(finds_a_command_by_name_alias_or_two_words)
{
        static const struct {
                const char *first, *second;
                enum command command;
                int words;
        } rows[] = {
                { "login",      NULL,    COMMAND_LOGIN,      1 },
                { "signin",     "login", COMMAND_LOGIN,      1 },
                { "auth",       NULL,    COMMAND_LOGIN,      1 },
                { "signout",    NULL,    COMMAND_LOGOUT,     1 },
                { "get",        "login", COMMAND_GET_LOGIN,  2 },
                { "credential", NULL,    COMMAND_CREDENTIAL, 1 },
                { "-h",         NULL,    COMMAND_HELP,       1 },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                char first[32];
                char second[32];
                char *argv[] = { NULL, first, rows[i].second ? second : NULL, NULL };
                enum command command = COMMAND_COUNT;
                int words = 0;
                snprintf(first, sizeof(first), "%s", rows[i].first);
                snprintf(second, sizeof(second), "%s", rows[i].second ? rows[i].second : "");
                assert_true(command_find(rows[i].second ? 3 : 2, argv, &command, &words));
                assert_int_equal(command, rows[i].command);
                assert_int_equal(words, rows[i].words);
        }
}

TEST(finds_no_command_in_half_a_name)
{
        scoped_free char *first = xstrdup("get");
        scoped_free char *second = xstrdup("log");
        char *argv[] = { NULL, first, second, NULL };
        enum command command = COMMAND_HELP;
        int words = 7;

        assert_false(command_find(1, argv, &command, &words));
        assert_false(command_find(2, argv, &command, &words));
        assert_false(command_find(3, argv, &command, &words));
        assert_int_equal(words, 7);
}

TEST(completes_the_first_word_and_never_runs_it)
{
        scoped(buf_clear) struct buf text = { 0 };
        scoped_free char *word = xstrdup("log");
        char *argv[] = { NULL, word, NULL };

        command_print_completions(2, argv, &text);
        assert_string_equal(buf_text(&text), "login\nlogout\n:4\n");
}

TEST(takes_another_tailnet_address_for_another_node)
{
        assert_true(
                tailnet_is_same("100.64.0.2,fd7a:115c:a1e0::2", "100.64.0.2,fd7a:115c:a1e0::2"));
        assert_true(tailnet_is_same("100.64.0.2", ""));
        assert_false(tailnet_is_same("100.64.0.2", "100.64.0.3"));
        assert_false(tailnet_is_same("", "100.64.0.3"));
}
