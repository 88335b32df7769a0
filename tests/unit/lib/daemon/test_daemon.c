#include "lib/daemon/daemon.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "lib/options/option_rows.h"
#include "tests/unit/test.h"

struct config {
        struct daemon_options daemon;
        int64_t wheels, load;
};

static const struct option_row rows[] = {
        DAEMON_ROWS("/nonexistent.yaml", "127.0.0.1", "1"),
        NUMBER("cart.wheels", "wheels", 0, wheels, "4", 8, "COUNT", "how many"),
        NUMBER("cart.load", "load", 0, load, "1", 9, "TONS", "how much"),
};

static bool check(void *record, struct error *err)
{
        const struct config *config = record;

        return config->wheels != 3 ||
               error_set(err, ERROR_INVALID, "cart.wheels: 3 fall over with %" PRId64,
                         config->load);
}

static int64_t seen_wheels;

static bool run(void *record, struct kube_config *kube, struct error *err)
{
        const struct config *config = record;

        (void)kube;
        seen_wheels = config->wheels;
        return seen_wheels != 8 || error_set(err, ERROR_DENIED, "not today");
}

static const struct daemon_check checks[] = {
        { { "cart.load", "cart.wheels" }, check, 0 },
};

static const struct daemon_config config_of_ours = {
        { rows, ARRAY_LENGTH(rows), NULL },
        sizeof(struct config),
        "/nonexistent.yaml",
        "Test",
        checks,
        ARRAY_LENGTH(checks),
};

static bool unload(void *record, struct kube_config *kube, struct error *err)
{
        const struct config *config = record;

        (void)kube;
        (void)err;
        seen_wheels = -config->wheels;
        return true;
}

static const struct daemon_errand errand = { "unload", "empties it", "Empties it.", unload };
static const struct daemon ours = { "test",    "serve",         "rolls", "Rolls.",
                                    "cart(8)", &config_of_ours, run,     &errand };

/* The words after the program's name, apart at spaces. */
static int run_words(const char *words)
{
        scoped(text_list_clear) struct text_list argv = { 0 };

        seen_wheels = 0;
        text_list_add(&argv, "test");
        for (const char *at = words; *at;) {
                size_t length = strcspn(at, " ");
                scoped_free char *word = xstrndup(at, length);
                text_list_add(&argv, word);
                at += length + (at[length] == ' ');
        }
        return daemon_main(&ours, (int)argv.count, argv.items);
}

static bool read_words(const char *flag, struct config *config, struct error *err)
{
        scoped_free char *copy = xstrdup(flag);
        char verb[] = "serve";
        char *argv[] = { verb, copy };

        return daemon_read(&config_of_ours, 2, argv, config, err);
}

TEST(says_whether_a_configuration_is_good_without_running)
{
        assert_int_equal(run_words("config check --wheels 8"), 0);
        assert_int_equal(run_words("config check --wheels 3"), error_exit_code(ERROR_INVALID));
        assert_int_equal(run_words("config check --wheels 9"), error_exit_code(ERROR_INVALID));
        assert_int_equal(seen_wheels, 0);
}

TEST(runs_an_errand_with_the_flags_of_the_verb)
{
        static const char text[] = "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
                                   "clusters: [{name: a, cluster: {server: 'https://a:6443'}}]\n"
                                   "users: [{name: a, user: {token: t}}]\n"
                                   "contexts: [{name: a, context: {cluster: a, user: a}}]\n";
        char path[] = "/tmp/test_daemon.XXXXXX";
        int fd = mkstemp(path);

        assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
        close(fd);
        scoped_free char *words = xasprintf("unload --wheels 6 --kubeconfig %s", path);
        assert_int_equal(run_words(words), 0);
        unlink(path);
        assert_int_equal(seen_wheels, -6);
        assert_int_equal(run_words("unload --wheels 3"), error_exit_code(ERROR_INVALID));
        assert_int_equal(seen_wheels, 0);
}

TEST(knows_help_and_version_by_itself)
{
        static const char *const words[] = {
                "version",        "--version",       "help",
                "--help",         "serve --help",    "-h",
                "config --help",  "config check -h", "config schema --help",
                "version --help", "unload --help",
        };

        for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
                assert_int_equal(run_words(words[i]), 0);
        assert_int_equal(seen_wheels, 0);
}

TEST(refuses_other_words_and_none_as_wrong_usage)
{
        static const char *const words[] = { "sreve",     "version more",  "help more",
                                             "",          "config",        "config czech",
                                             "serve now", "serve --wheel", "config check now" };

        for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
                assert_int_equal(run_words(words[i]), error_exit_code(ERROR_INVALID));
}

TEST(reads_how_to_log_and_where_probes_are_answered)
{
        scoped_free struct config *config = xcalloc(1, sizeof(*config));
        struct error err = { 0 };

        assert_ok(read_words("--log-level=warn", config, &err));
        assert_int_equal(config->daemon.log_level, LOG_LEVEL_WARN);
        assert_ok(read_words("--debug", config, &err));
        assert_int_equal(config->daemon.log_level, LOG_LEVEL_DEBUG);
        assert_string_equal(config->daemon.health_address, "127.0.0.1");
        options_clear(&config_of_ours.options, config);
        assert_fails(read_words("--health-address=localhost", config, &err), ERROR_INVALID,
                     "--health-address: \"localhost\" is no IP address");
        options_clear(&config_of_ours.options, config);
}

/* What is said of a file of three wheels, with that flag too (NULL: none). */
static void refuse_three_wheels(const char *flag, const char *where)
{
        static const char text[] = "cart:\n  wheels: 3\n";
        scoped_free struct config *config = xcalloc(1, sizeof(*config));
        char path[] = "/tmp/test_daemon.XXXXXX";
        scoped_free char *other = xstrdup(flag == NULL ? "--" : flag);
        char verb[] = "serve", named[] = "--config";
        char *argv[] = { verb, named, path, other };
        struct error err = { 0 };
        int fd = mkstemp(path);

        assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
        close(fd);
        scoped_free char *words =
                xasprintf("%s%s: cart.wheels: 3 fall over", where[0] == ':' ? path : "", where);
        assert_fails(daemon_read(&config_of_ours, 4, argv, config, &err), ERROR_INVALID, words);
        assert_ptr_equal(strstr(err.text, words), err.text);
        unlink(path);
        options_clear(&config_of_ours.options, config);
}

TEST(says_where_a_value_stands_that_does_not_go_with_another)
{
        refuse_three_wheels(NULL, ": line 2");
        refuse_three_wheels("--wheels=3", "--wheels");
        refuse_three_wheels("--load=2", "--load");
        setenv("TKA_CART_LOAD", "2", 1);
        refuse_three_wheels(NULL, "TKA_CART_LOAD");
        unsetenv("TKA_CART_LOAD");
}

static bool need_brakes(void *record, struct error *err)
{
        (void)record;
        return error_set(err, ERROR_INVALID, "cart.brakes are required");
}

TEST(a_file_that_does_not_exist_is_not_named_for_what_is_missing)
{
        static const struct daemon_check needs[] = {
                { { "cart.wheels" }, need_brakes, 0 }
        };
        scoped_free struct config *config = xcalloc(1, sizeof(*config));
        struct daemon_config needy = config_of_ours;
        char verb[] = "serve";
        char *argv[] = { verb };
        struct error err = { 0 };

        needy.checks = needs;
        assert_fails(daemon_read(&needy, 1, argv, config, &err), ERROR_INVALID, "brakes");
        assert_string_equal(err.text, "cart.brakes are required");
        options_clear(&needy.options, config);
}

TEST(its_manual_is_made_of_its_table)
{
        scoped(buf_clear) struct buf page = { 0 };
        scoped(buf_clear) struct buf keys = { 0 };

        daemon_print_manual(&ours, 8, &page);
        daemon_print_manual(&ours, 5, &keys);

        assert_non_null(strstr(page.text, ".Dt TEST 8\n"));
        assert_non_null(strstr(page.text, ".It Fl \"\\-wheels\" Ar \"COUNT\""));
        assert_non_null(strstr(page.text, ".Xr cart 8\n"));
        assert_non_null(strstr(keys.text, ".Sh KEYS OF TEST\n"));
        assert_non_null(strstr(keys.text, ".It Ic \"cart.wheels\"\n"));
        assert_int_equal(run_words("manual 8"), 0);
        assert_int_equal(run_words("manual 7"), error_exit_code(ERROR_INVALID));
}

TEST(describes_its_file_as_a_json_schema)
{
        json_auto_t *schema = daemon_schema(&config_of_ours);
        const json_t *wheels = json_at(schema, "properties.cart.properties.wheels");

        assert_string_equal(json_text_at(schema, "title"), "Test");
        assert_int_equal(json_integer_at(wheels, "default", 0), 4);
        assert_int_equal(run_words("config schema"), 0);
}

/* Whether the file can be read once the process is confined to what that path needs. */
static bool is_readable_confined(const char *allowed, const char *path)
{
        const char *const files[] = { NULL, allowed };
        struct error err = { 0 };
        int status = 0;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0)
                _exit(daemon_confine(files, ARRAY_LENGTH(files), NULL, &err) &&
                                      access(path, F_OK) == 0 && fopen(path, "re") != NULL
                              ? 0
                              : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(a_file_that_is_a_link_into_another_folder_can_be_read_when_confined)
{
        char folder[] = "/tmp/test_daemon.XXXXXX";
        struct error err = { 0 };

        assert_non_null(mkdtemp(folder));
        scoped_free char *live = xasprintf("%s/live", folder);
        scoped_free char *archive = xasprintf("%s/archive", folder);
        scoped_free char *link = xasprintf("%s/chain", live);
        scoped_free char *file = xasprintf("%s/chain1", archive);

        assert_int_equal(mkdir(live, 0700) + mkdir(archive, 0700), 0);
        assert_int_equal(symlink("../archive/chain1", link), 0);
        assert_ok(file_write(file, 0600, "x", 1, &err));
        assert_true(is_readable_confined(link, link));
        unlink(file);
        unlink(link);
        rmdir(archive);
        rmdir(live);
        rmdir(folder);
}
