#include "lib/daemon.h"

#include <stdio.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

static int seen_argc;
static char seen_name[16];

static bool note_call(int argc, char **argv, struct error *err)
{
        (void)err;
        seen_argc = argc;
        snprintf(seen_name, sizeof(seen_name), "%s", argv[0]);
        return true;
}

static bool be_denied(int argc, char **argv, struct error *err)
{
        (void)argc;
        (void)argv;
        return error_set(err, ERROR_DENIED, "not today");
}

static const struct daemon_command commands[] = {
        { "serve", "run it", note_call },
        { "fail",  "fail",   be_denied },
};

/* The words after the program's name, apart at spaces. */
static int run(const char *words)
{
        scoped(text_list_clear) struct text_list argv = { 0 };

        seen_argc = 0;
        seen_name[0] = '\0';
        text_list_add(&argv, "test");
        for (const char *at = words; *at;) {
                size_t length = strcspn(at, " ");
                scoped_free char *word = xstrndup(at, length);
                text_list_add(&argv, word);
                at += length + (at[length] == ' ');
        }
        return daemon_main("test", commands, ARRAY_LENGTH(commands), (int)argv.count, argv.items);
}

TEST(runs_the_command_that_is_named_with_what_follows_it)
{
        assert_int_equal(run("serve --port 1"), 0);
        assert_int_equal(seen_argc, 3);
        assert_string_equal(seen_name, "serve");
}

TEST(ends_with_the_status_of_the_error)
{
        assert_int_equal(run("fail"), error_exit_code(ERROR_DENIED));
}

TEST(knows_version_and_help_by_itself)
{
        static const char *const words[] = { "version", "--version", "help", "--help", "-h" };

        for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
                assert_int_equal(run(words[i]), 0);
}

TEST(refuses_other_words_and_none_as_wrong_usage)
{
        static const char *const words[] = { "sreve", "version more", "help more", "" };

        for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
                assert_int_equal(run(words[i]), error_exit_code(ERROR_INVALID));
}
