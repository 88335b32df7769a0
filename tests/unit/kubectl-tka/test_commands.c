#include "kubectl-tka/commands.h"

#include "kubectl-tka/config.h"
#include "kubectl-tka/help.h"
#include "kubectl-tka/local/tailnet.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#define WORDS_MAX 8

/* "tka login prod" as argv; the texts stay in storage. */
static int split(char *storage, char *argv[WORDS_MAX])
{
        int argc = 0;
        char *next = NULL;

        for (char *word = strtok_r(storage, " ", &next); word && argc < WORDS_MAX - 1;
             word = strtok_r(NULL, " ", &next))
                argv[argc++] = word;
        argv[argc] = NULL;
        return argc;
}

static bool read_line(char *storage, struct command_line *line, struct error *err)
{
        char *argv[WORDS_MAX];
        int argc = split(storage, argv);

        return command_line_read(argc, argv, line, err);
}

TEST(finds_a_command_by_name_alias_or_two_words)
{
        static const struct {
                const char *typed;
                enum command command;
                const char *arguments; /* what the command is given */
        } rows[] = {
                { "kubectl-tka",                       COMMAND_HELP,       ""                 },
                { "kubectl-tka --help",                COMMAND_HELP,       ""                 },
                { "kubectl-tka login",                 COMMAND_LOGIN,      ""                 },
                { "kubectl-tka signin login",          COMMAND_LOGIN,      "login "           },
                { "kubectl-tka auth",                  COMMAND_LOGIN,      ""                 },
                { "kubectl-tka signout",               COMMAND_LOGOUT,     ""                 },
                { "kubectl-tka get login",             COMMAND_GET_LOGIN,  ""                 },
                { "kubectl-tka get signin -o json",    COMMAND_GET_LOGIN,  "-o json "         },
                { "kubectl-tka credential",            COMMAND_CREDENTIAL, ""                 },
                { "kubectl-tka -q login prod",         COMMAND_LOGIN,      "-q prod "         },
                { "kubectl-tka --server x login prod", COMMAND_LOGIN,      "--server x prod " },
                { "kubectl-tka --server=x login -q",   COMMAND_LOGIN,      "--server=x -q "   },
                { "kubectl-tka -o json get login",     COMMAND_GET_LOGIN,  "-o json "         },
                { "kubectl-tka --unknown login",       COMMAND_LOGIN,      "--unknown "       },
                { "kubectl-tka --version",             COMMAND_VERSION,    ""                 },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *storage = xstrdup(rows[i].typed);
                scoped(command_line_clear) struct command_line line = { 0 };
                scoped(buf_clear) struct buf given = { 0 };
                struct error err = { 0 };
                assert_ok(read_line(storage, &line, &err));
                assert_int_equal(line.command, rows[i].command);
                for (int at = 1; at < line.argc; at++)
                        buf_printf(&given, "%s ", line.argv[at]);
                assert_string_equal(buf_text(&given), rows[i].arguments);
                assert_null(line.argv[line.argc]);
        }
}

TEST(refuses_what_is_no_command_and_names_the_nearest)
{
        static const struct {
                const char *typed, *text, *advice;
        } rows[] = {
                { "tka logn",     "\"logn\"",     "did you mean \"login\"?"     },
                { "tka sign-in",  "\"sign-in\"",  "did you mean \"signin\"?"    },
                { "tka get",      "\"get\"",      "there are \"get login\""     },
                { "tka get logn", "\"get logn\"", "did you mean \"get login\"?" },
                { "tka nonsense", "\"nonsense\"", "lists the commands"          },
                { "tka -q",       "\"-q\"",       ""                            },
                { "tka --role x", "\"--role\"",   ""                            },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *storage = xstrdup(rows[i].typed);
                struct command_line line = { 0 };
                struct error err = { 0 };
                assert_fails(read_line(storage, &line, &err), ERROR_INVALID, rows[i].text);
                assert_non_null(strstr(err.advice, rows[i].advice));
                assert_null(line.argv);
        }
}

TEST(knows_under_which_name_it_was_called)
{
        static const struct {
                const char *typed, *program;
        } rows[] = {
                { "/usr/bin/tka login",         "tka"         },
                { "/usr/bin/kubectl-tka login", "kubectl tka" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *storage = xstrdup(rows[i].typed);
                scoped(command_line_clear) struct command_line line = { 0 };
                struct error err = { 0 };
                assert_ok(read_line(storage, &line, &err));
                assert_string_equal(line.program, rows[i].program);
        }
}

/* A flag that the table names and no row has would silently be none. */
TEST(every_flag_of_every_command_is_a_row_with_help)
{
        for (enum command i = 0; i < COMMAND_COUNT; i++) {
                const struct options options = config_options(i);
                size_t named = 0;
                size_t taken = 0;
                for (const char *at = options.flags; *at; at += strcspn(at, " ")) {
                        at += strspn(at, " ");
                        named += *at != '\0';
                }
                for (size_t row = 0; row < options.count; row++) {
                        if (!options_take_flag(&options, &options.rows[row]))
                                continue;
                        assert_non_null(options.rows[row].help);
                        taken++;
                }
                assert_int_equal(taken, named);
        }
}

static size_t longest_line(const char *text)
{
        size_t longest = 0;

        for (const char *at = text; *at; at += strspn(at, "\n")) {
                size_t length = strcspn(at, "\n");
                longest = length > longest ? length : longest;
                at += length;
        }
        return longest;
}

TEST(help_fits_the_terminal_and_shows_an_example)
{
        static const size_t widths[] = { 80, 120 };

        for (size_t i = 0; i < ARRAY_LENGTH(widths); i++) {
                scoped(buf_clear) struct buf all = { 0 };
                help_print_all("kubectl tka", widths[i], &all);
                assert_true(longest_line(all.text) <= widths[i]);
                for (enum command command = 0; command < COMMAND_COUNT; command++) {
                        const struct command_words *words = command_words(command);
                        scoped(buf_clear) struct buf text = { 0 };
                        help_print_command("tka", command, widths[i], &text);
                        assert_true(longest_line(text.text) <= widths[i]);
                        assert_non_null(strstr(all.text, words->summary));
                        assert_true(!*words->examples || strstr(text.text, "\nExamples:\n  tka "));
                        assert_true(*words->examples || command == COMMAND_CREDENTIAL);
                }
        }
}

TEST(takes_as_many_words_as_the_command_has_use_for)
{
        static const struct {
                const char *typed, *words;
        } rows[] = {
                { "tka login a b",    "\"b\" is one word too many" },
                { "tka login -- a b", "\"b\" is one word too many" },
                { "tka version x",    "\"x\" is one word too many" },
                { "tka version -r x", "--role means nothing"       },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *storage = xstrdup(rows[i].typed);
                scoped(command_line_clear) struct command_line line = { 0 };
                scoped(config_clear) struct config config = { 0 };
                struct error err = { 0 };
                assert_ok(read_line(storage, &line, &err));
                assert_fails(config_read(&line, NULL, "", &config, &err), ERROR_INVALID,
                             rows[i].words);
        }
}

TEST(takes_another_tailnet_address_for_another_node)
{
        assert_true(
                tailnet_is_same("100.64.0.2,fd7a:115c:a1e0::2", "100.64.0.2,fd7a:115c:a1e0::2"));
        assert_true(tailnet_is_same("100.64.0.2", ""));
        assert_false(tailnet_is_same("100.64.0.2", "100.64.0.3"));
        assert_false(tailnet_is_same("", "100.64.0.3"));
}
