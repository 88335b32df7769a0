#include "lib/options/options.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "lib/options/option_value.h"
#include "tests/unit/test.h"

struct record {
        char *mode;
        int64_t port, period_seconds;
        bool debug, quiet;
        struct text_list names;
        json_t *labels;
};

#define AT(member) offsetof(struct record, member)

/* clang-format off: one row is one option */
static const struct option_row rows[] = {
        { "tailscale.mode",    "mode",     0,   NULL,         OPTION_TEXT,      AT(mode),           "auto",  0,  0,
         "auto|userspace|tun",                                                                                                "MODE",     "how",      NULL },
        { "tailscale.port",    "port",     'p', NULL,         OPTION_INTEGER,   AT(port),           "443",   1,  65535, NULL,
         "PORT",                                                                                                                          "where",    NULL },
        { "server.period",     "period",   0,   NULL,         OPTION_DURATION,  AT(period_seconds), "1h",    60, 86400,
         NULL,                                                                                                                "DURATION", "how long", NULL },
        { "tailscale.capName", "cap-name", 'n', NULL,         OPTION_TEXT_LIST, AT(names),          "x/cap", 0,  0,
         NULL,                                                                                                                "NAME",     "which",    NULL },
        { "labels",            "labels",   0,   NULL,         OPTION_TEXT_MAP,  AT(labels),         NULL,    0,  0,     NULL, "K=V,...",
         "shown",                                                                                                                                     NULL },
        { "debug",             "debug",    'd', "",           OPTION_BOOL,      AT(debug),          NULL,    0,  0,     NULL, NULL,       "say more",
         NULL                                                                                                                                              },
        { NULL,                "quiet",    'q', "TKA_SILENT", OPTION_BOOL,      AT(quiet),          NULL,    0,  0,     NULL, NULL,
         "say less",                                                                                                                                  NULL },
        { "otel",              NULL,       0,   "",           OPTION_ELSEWHERE, 0,                  NULL,    0,  0,     NULL, NULL,       NULL,       NULL },
        { "server.host",       NULL,       0,   "",           OPTION_ELSEWHERE, 0,                  NULL,    0,  0,     NULL, NULL,       NULL,       NULL },
};
/* clang-format on */

static const struct options options = { rows, ARRAY_LENGTH(rows), NULL };

static void clear_record(struct record *record)
{
        options_clear(&options, record);
}

#define ARGUMENTS(...) ((const char *[]){ "program", __VA_ARGS__, NULL })

static bool read_all(const char *file, const char **arguments, struct option_notes *notes,
                     struct record *record, struct error *err)
{
        json_auto_t *json = NULL;
        int count = 0;

        if (file && !json_parse(file, strlen(file), &json, err))
                return false;
        while (arguments[count])
                count++;
        char **argv = (char **)xcalloc((size_t)count + 1, sizeof(char *));
        memcpy((void *)argv, (const void *)arguments, (size_t)count * sizeof(char *));
        const struct option_sources sources = { json, "config.yaml", count, argv, NULL, false };
        bool done = options_read(&options, &sources, record, notes, err);
        free((void *)argv);
        return done;
}

TEST(starts_from_the_defaults)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_all(NULL, ARGUMENTS(NULL), NULL, &record, &err));
        assert_string_equal(record.mode, "auto");
        assert_int_equal(record.port, 443);
        assert_int_equal(record.period_seconds, 3600);
        assert_int_equal(record.names.count, 1);
        assert_null(record.labels);
        assert_false(record.debug);
}

TEST(prefers_flag_to_environment_to_file_to_default)
{
        static const char file[] = "{\"tailscale\":{\"port\":1}}";
        struct error err = { 0 };
        scoped(clear_record) struct record record = { 0 };

        assert_ok(read_all(file, ARGUMENTS(NULL), NULL, &record, &err));
        assert_int_equal(record.port, 1);
        setenv("TKA_TAILSCALE_PORT", "2", 1);
        assert_ok(read_all(file, ARGUMENTS(NULL), NULL, &record, &err));
        assert_int_equal(record.port, 2);
        assert_ok(read_all(file, ARGUMENTS("--port", "3"), NULL, &record, &err));
        assert_int_equal(record.port, 3);
        setenv("TKA_TAILSCALE_PORT", "", 1);
        assert_ok(read_all(file, ARGUMENTS(NULL), NULL, &record, &err));
        assert_int_equal(record.port, 1);
        unsetenv("TKA_TAILSCALE_PORT");
}

TEST(reads_every_kind_from_the_file)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_all(
                "{\"tailscale\":{\"mode\":\"tun\",\"port\":8443,\"capName\":[\"a\",\"b\"]},"
                "\"server\":{\"period\":\"90s\",\"host\":\"\"},\"labels\":{\"k\":\"v\"},"
                "\"debug\":true,\"otel\":{\"endpoint\":{\"deep\":1}}}",
                ARGUMENTS(NULL), NULL, &record, &err));
        assert_string_equal(record.mode, "tun");
        assert_int_equal(record.port, 8443);
        assert_int_equal(record.period_seconds, 90);
        assert_int_equal(record.names.count, 2);
        assert_string_equal(json_text_at(record.labels, "k"), "v");
        assert_true(record.debug);
}

TEST(takes_one_text_for_a_list_and_null_for_absent)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_all("{\"tailscale\":{\"capName\":\"one\",\"port\":null},\"server\":null}",
                           ARGUMENTS(NULL), NULL, &record, &err));
        assert_int_equal(record.names.count, 1);
        assert_string_equal(record.names.items[0], "one");
        assert_int_equal(record.port, 443);
}

TEST(reads_every_kind_from_the_environment)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        setenv("TKA_TAILSCALE_CAPNAME", "a,b,,c", 1);
        setenv("TKA_LABELS", "k=v,l=w=x", 1);
        setenv("TKA_SILENT", "1", 1);
        setenv("TKA_DEBUG", "true", 1); /* the row has no variable */
        assert_ok(read_all(NULL, ARGUMENTS(NULL), NULL, &record, &err));
        unsetenv("TKA_TAILSCALE_CAPNAME");
        unsetenv("TKA_LABELS");
        unsetenv("TKA_SILENT");
        unsetenv("TKA_DEBUG");
        assert_int_equal(record.names.count, 3);
        assert_string_equal(json_text_at(record.labels, "l"), "w=x");
        assert_true(record.quiet);
        assert_false(record.debug);
}

TEST(reads_every_way_to_write_a_flag)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_all(NULL,
                           ARGUMENTS("--mode=tun", "--period", "2m", "-p", "7", "-na", "-n=b",
                                     "--cap-name", "c,d", "-dq", "--no-quiet"),
                           NULL, &record, &err));
        assert_string_equal(record.mode, "tun");
        assert_int_equal(record.period_seconds, 120);
        assert_int_equal(record.port, 7);
        assert_int_equal(record.names.count, 4);
        assert_string_equal(record.names.items[3], "d");
        assert_true(record.debug);
        assert_false(record.quiet);
}

TEST(ends_the_flags_at_two_dashes)
{
        static const char *const texts[] = { "program", "login", "-d", "-", "--", "--debug", "--" };
        scoped(clear_record) struct record record = { 0 };
        scoped(option_notes_clear) struct option_notes notes = { 0 };
        char *argv[ARRAY_LENGTH(texts) + 1] = { NULL };
        struct error err = { 0 };

        memcpy((void *)argv, (const void *)texts, sizeof(texts));
        const struct option_sources sources = { NULL, "", ARRAY_LENGTH(texts), argv, NULL, false };
        assert_ok(options_read(&options, &sources, &record, &notes, &err));
        assert_true(record.debug);
        assert_int_equal(notes.operands.count, 2);
        assert_string_equal(notes.operands.items[1], "-");
        assert_ptr_equal(notes.rest, &argv[5]);
}

TEST(takes_only_the_flags_that_are_listed)
{
        static const struct {
                const char *argument, *words;
        } cases[] = {
                { "--debug",  "--debug means nothing to this command"      },
                { "-d",       "--debug means nothing to this command"      },
                { "--mode=x", "--mode means nothing to this command"       },
                { "--perod",  "--perod is no flag; did you mean --period?" },
                { "--moda",   "--moda is no flag"                          },
        };
        static const struct options few = { rows, ARRAY_LENGTH(rows), "port period" };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(clear_record) struct record record = { 0 };
                scoped_free char *argument = xstrdup(cases[i].argument);
                char *argv[] = { NULL, argument, NULL };
                struct error err = { 0 };
                const struct option_sources sources = { NULL, "", 2, argv, NULL, false };
                assert_fails(options_read(&few, &sources, &record, NULL, &err), ERROR_INVALID,
                             cases[i].words);
                assert_null(strstr(err.text, "--mode?"));
        }
}

TEST(says_where_each_value_comes_from_and_which_keys_mean_nothing)
{
        scoped(clear_record) struct record record = { 0 };
        scoped(option_notes_clear) struct option_notes notes = { 0 };
        enum option_origin origins[ARRAY_LENGTH(rows)] = { OPTION_FROM_NOWHERE };
        struct error err = { 0 };

        notes.origins = origins;
        setenv("TKA_TAILSCALE_PORT", "2", 1);
        assert_ok(read_all("{\"tailscale\":{\"mode\":\"tun\"},\"otel\":{\"endpoint\":1}}",
                           ARGUMENTS("--debug"), &notes, &record, &err));
        unsetenv("TKA_TAILSCALE_PORT");
        assert_int_equal(origins[0], OPTION_FROM_FILE);
        assert_int_equal(origins[1], OPTION_FROM_ENVIRONMENT);
        assert_int_equal(origins[2], OPTION_FROM_DEFAULT);
        assert_int_equal(origins[4], OPTION_FROM_NOWHERE);
        assert_int_equal(origins[5], OPTION_FROM_FLAG);
        assert_int_equal(notes.ignored.count, 1);
        assert_string_equal(notes.ignored.items[0], "otel");
}

TEST(knows_which_flags_take_the_next_argument)
{
        static const struct {
                const char *argument, *flag;
                bool needs_next;
        } cases[] = {
                { "--port",   "port",  true  },
                { "--port=1", "port",  false },
                { "-p",       "port",  true  },
                { "-p1",      "port",  false },
                { "--debug",  "debug", false },
                { "-dq",      "debug", false },
                { "--prot",   NULL,    false },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                bool needs_next = !cases[i].needs_next;
                const struct option_row *row =
                        options_find_argument(&options, cases[i].argument, &needs_next);
                assert_int_equal(row != NULL, cases[i].flag != NULL);
                if (row)
                        assert_string_equal(row->flag, cases[i].flag);
                assert_int_equal(needs_next, cases[i].needs_next);
        }
}

TEST(says_which_argument_is_wrong_and_what_is_allowed)
{
        static const struct {
                const char *first, *second, *words;
        } cases[] = {
                { "--prot",                      "1",              "--prot is no flag; did you mean --port?"            },
                { "--completely",                NULL,             "--completely is no flag"                            },
                { "-x",                          NULL,             "-x is no flag"                                      },
                { "--port",                      NULL,             "--port needs a value (PORT)"                        },
                { "--mode",                      NULL,             "--mode needs a value (auto|userspace|tun)"          },
                { "-p",                          NULL,             "--port needs a value (PORT)"                        },
                { "--port",                      "70000",          "--port: 70000 is out of range (1 to 65535)"         },
                { "--port=",                     NULL,             "--port: \"\" is no whole number"                    },
                { "--port",                      "12a",            "--port: \"12a\" is no whole number"                 },
                { "--port=99999999999999999999", NULL,             "is no whole number"                                 },
                { "--period",                    "5",              "--period: \"5\" is no duration (a unit is missing"  },
                { "--period",                    "5s",             "--period: \"5s\" is out of range (1m0s to 24h0m0s)" },
                { "--mode",                      "tap",            "--mode: \"tap\" is not one of auto|userspace|tun"   },
                { "--mode",                      "auto|userspace", "is not one of"                                      },
                { "--labels",                    "k",              "--labels: \"k\" is no KEY=VALUE"                    },
                { "--debug=maybe",               NULL,             "--debug: \"maybe\" is neither true nor false"       },
                { "--no-port",                   NULL,             "--no-port is no flag"                               },
                { "--no-debug=true",             NULL,             "--no-debug is no flag"                              },
                { "word",                        NULL,             "\"word\" is one word too many"                      },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(clear_record) struct record record = { 0 };
                assert_fails(read_all(NULL, ARGUMENTS(cases[i].first, cases[i].second), NULL,
                                      &record, &err),
                             ERROR_INVALID, cases[i].words);
        }
}

TEST(says_which_key_of_the_file_is_wrong_and_what_is_allowed)
{
        static const struct {
                const char *file, *words;
        } cases[] = {
                { "{\"tailscale\":{\"prot\":1}}",
                 "config.yaml: \"tailscale.prot\" is no key; did you mean \"tailscale.port\"?"                },
                { "{\"nonsense\":1}",                  "config.yaml: \"nonsense\" is no key"                  },
                { "{\"tailscale\":1}",                 "config.yaml: \"tailscale\" must hold keys of its own" },
                { "{\"tailscale\":{\"port\":0}}",
                 "config.yaml: \"tailscale.port\": 0 is out of range (1 to 65535)"                            },
                { "{\"tailscale\":{\"port\":\"1\"}}",
                 "config.yaml: \"tailscale.port\": \"1\" is not a whole number"                               },
                { "{\"tailscale\":{\"mode\":1}}",
                 "\"tailscale.mode\": 1 is not a text (quote it)"                                             },
                { "{\"tailscale\":{\"mode\":\"x\"}}",  "\"x\" is not one of auto|userspace|tun"               },
                { "{\"tailscale\":{\"capName\":{}}}",  "{} is not a list of texts"                            },
                { "{\"tailscale\":{\"capName\":[1]}}", "1 is not a text"                                      },
                { "{\"server\":{\"period\":60}}",      "60 is not a duration like 30m"                        },
                { "{\"server\":{\"period\":\"1s\"}}",  "\"1s\" is out of range (1m0s to 24h0m0s)"             },
                { "{\"labels\":[]}",                   "[] is not a map of texts"                             },
                { "{\"labels\":{\"k\":1}}",            "\"labels\": 1 is not a text"                          },
                { "{\"debug\":\"yes\"}",               "\"debug\": \"yes\" is not true or false"              },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(clear_record) struct record record = { 0 };
                assert_fails(read_all(cases[i].file, ARGUMENTS(NULL), NULL, &record, &err),
                             ERROR_INVALID, cases[i].words);
        }
}

/* The client's file, which viper may have written. */
static bool read_leniently(const char *file, struct option_notes *notes, struct record *record,
                           struct error *err)
{
        json_auto_t *json = NULL;
        char name[] = "program", *argv[] = { name, NULL };

        if (!json_parse(file, strlen(file), &json, err))
                return false;
        const struct option_sources sources = { json, "config.yaml", 1, argv, NULL, true };
        return options_read(&options, &sources, record, notes, err);
}

TEST(takes_keys_in_small_letters_and_quoted_numbers_where_the_file_is_viper_s_too)
{
        scoped(clear_record) struct record record = { 0 };
        scoped(option_notes_clear) struct option_notes notes = { 0 };
        struct error err = { 0 };

        assert_ok(read_leniently("{\"tailscale\":{\"capname\":\"one\",\"port\":\"8123\"},"
                                 "\"debug\":\"true\",\"OTEL\":{\"insecure\":true}}",
                                 &notes, &record, &err));
        assert_string_equal(record.names.items[0], "one");
        assert_int_equal(record.port, 8123);
        assert_true(record.debug);
        assert_int_equal(notes.ignored.count, 1);
        assert_string_equal(notes.ignored.items[0], "OTEL");
}

TEST(is_lenient_with_nothing_else)
{
        static const struct {
                const char *file, *words;
        } cases[] = {
                { "{\"tailscale\":{\"prot\":1}}",       "did you mean \"tailscale.port\"?"        },
                { "{\"tailscale\":{\"port\":\"81a\"}}", "\"81a\" is no whole number"              },
                { "{\"tailscale\":{\"port\":\"0\"}}",   "\"tailscale.port\": 0 is out of range"   },
                { "{\"Tailscale\":{\"Port\":1.5}}",     "\"Tailscale.Port\": 1.5 is not a whole"  },
                { "{\"debug\":\"yes\"}",                "\"yes\" is neither true nor false"       },
                { "{\"TAILSCALE\":1}",                  "\"TAILSCALE\" must hold keys of its own" },
                { "{\"tailscale\":{\"mode\":1}}",       "1 is not a text (quote it)"              },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(clear_record) struct record record = { 0 };
                struct error err = { 0 };
                assert_fails(read_leniently(cases[i].file, NULL, &record, &err), ERROR_INVALID,
                             cases[i].words);
        }
}

TEST(is_strict_about_case_where_the_file_is_a_daemon_s)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_fails(read_all("{\"tailscale\":{\"capname\":\"one\"}}", ARGUMENTS(NULL), NULL,
                              &record, &err),
                     ERROR_INVALID, "did you mean \"tailscale.capName\"?");
}

TEST(says_which_variable_is_wrong)
{
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        setenv("TKA_TAILSCALE_PORT", "http", 1);
        assert_fails(read_all(NULL, ARGUMENTS(NULL), NULL, &record, &err), ERROR_INVALID,
                     "TKA_TAILSCALE_PORT: \"http\" is no whole number");
        unsetenv("TKA_TAILSCALE_PORT");
}

TEST(finds_the_config_file_before_anything_else)
{
        static const struct {
                const char *first, *second, *path;
        } cases[] = {
                { "--config",     "a",        "a"  },
                { "-c",           "a",        "a"  },
                { "--config=a",   NULL,       "a"  },
                { "-ca",          NULL,       "a"  },
                { "--debug",      "--config", NULL },
                { "--",           "-ca",      NULL },
                { "--configured", NULL,       NULL },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                char *argv[] = { xstrdup("program"), xstrdup(cases[i].first),
                                 xstrdup(cases[i].second), NULL };
                const char *path = options_config_path(argv[2] ? 3 : 2, argv);
                assert_string_equal(path ? path : "none", cases[i].path ? cases[i].path : "none");
                for (size_t j = 0; j < ARRAY_LENGTH(argv); j++)
                        free(argv[j]);
        }
        setenv("TKA_CONFIG", "b", 1);
        assert_string_equal(options_config_path(0, NULL), "b");
        unsetenv("TKA_CONFIG");
}

/* Reads a file that holds text. */
static bool read_text(const char *text, json_t **json, struct error *err)
{
        char path[] = "/tmp/test_options.XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        close(fd);
        bool done = file_write(path, 0600, text, strlen(text), err) &&
                    options_read_file(path, true, json, NULL, err);
        unlink(path);
        return done;
}

TEST(reads_a_config_file)
{
        json_auto_t *json = NULL;
        struct error err = { 0 };

        assert_ok(read_text("debug: true\n", &json, &err));
        assert_true(json_bool_at(json, "debug", false));
}

TEST(refuses_a_config_file_that_is_malformed)
{
        json_t *json = NULL;
        struct error err = { 0 };

        assert_fails(read_text("- a\n", &json, &err), ERROR_INVALID, "keys and values");
        assert_fails(read_text("a: 1\na: 2\n", &json, &err), ERROR_INVALID,
                     ": line 2: the key \"a\" is there twice");
        assert_null(json);
}

TEST(forgives_a_missing_file_that_is_optional)
{
        json_auto_t *json = NULL;
        struct error err = { 0 };

        assert_fails(options_read_file("/nonexistent", false, &json, NULL, &err), ERROR_INVALID,
                     "/nonexistent: there is no such file");
        assert_null(json);
        assert_ok(options_read_file("/nonexistent", true, &json, NULL, &err));
        assert_int_equal(err.kind, ERROR_NONE);
        assert_int_equal(json_object_size(json), 0);
}

TEST(shows_each_value_as_the_file_would_hold_it)
{
        static const char *const expected[] = {
                "\"tun\"", "8443", "\"1h30m0s\"", "[\"a\",\"b\"]", "{\"k\":\"v\"}", "true", "false",
        };
        scoped(clear_record) struct record record = { 0 };
        struct error err = { 0 };

        assert_ok(read_all(NULL,
                           ARGUMENTS("--mode", "tun", "-p", "8443", "--period", "90m", "-n", "a,b",
                                     "--labels", "k=v", "--debug"),
                           NULL, &record, &err));

        for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
                json_auto_t *value = option_value_encode(&rows[i], &record);
                scoped(buf_clear) struct buf text = { 0 };
                json_print(value, &text);
                assert_string_equal(text.text, expected[i]);
        }
}

TEST(prints_a_line_of_help_for_each_flag)
{
        scoped(buf_clear) struct buf buf = { 0 };

        options_print_help(&options, 80, &buf);
        assert_non_null(strstr(buf.text, "  -p, --port PORT"));
        assert_non_null(strstr(buf.text, "where (default: 443)\n"));
        assert_non_null(strstr(buf.text, "      --mode auto|userspace|tun"));
        assert_non_null(strstr(buf.text, "  -d, --debug "));
        assert_null(strstr(buf.text, "otel"));
}
