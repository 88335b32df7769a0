#include "kubectl-tka/completion.h"

#include "kubectl-tka/local/known.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

/* Two clusters that were signed in to. */
static void begin(void)
{
        struct cache_key prod = { "http://tka:8123", "ab", "prod", "" };
        struct cache_key as_view = { "http://tka:8123", "ab", "prod", "view" };
        struct cache_key dev = { "http://tka-dev", "cd", "dev", "" };
        struct error err = { 0 };

        setenv("XDG_STATE_HOME", folder_enter(), 1);
        unsetenv("TKA_SHELL");
        assert_ok(known_put("prod", &prod, "edit", &err));
        assert_ok(known_put("prod!view", &as_view, "view", &err));
        assert_ok(known_put("dev", &dev, "admin", &err));
}

/* Words apart at spaces; the last, which may be empty, is the one that is typed. */
static void complete(const char *line, struct buf *text)
{
        scoped(text_list_clear) struct text_list argv = { 0 };

        text_list_add(&argv, "kubectl_complete-tka");
        for (const char *at = line;; at++) {
                size_t length = strcspn(at, " ");
                scoped_free char *word = xstrndup(at, length);
                text_list_add(&argv, word);
                at += length;
                if (!*at)
                        break;
        }
        completion_print((int)argv.count, argv.items, text);
}

/* The candidates for a line, without what is said of them. */
static void assert_completes(const char *line, const char *expected)
{
        scoped(buf_clear) struct buf text = { 0 };
        scoped(buf_clear) struct buf words = { 0 };

        complete(line, &text);
        for (const char *at = buf_text(&text); *at; at += strcspn(at, "\n") + 1)
                buf_printf(&words, "%s%.*s", at > text.text ? " " : "", (int)strcspn(at, "\t\n"),
                           at);
        if (strcmp(buf_text(&words), expected) != 0)
                fail_msg("\"%s\" gives \"%s\", not \"%s\"", line, buf_text(&words), expected);
}

TEST(words_of_commands_are_completed_one_after_the_other)
{
        begin();
        assert_completes("logi", "login :4");
        assert_completes("lo", "login logout :4");
        assert_completes("get lo", "login :4");
        assert_completes("config ", "get set path list :4");
        assert_completes("generate ", "integration :4");
        assert_completes("help get lo", "login :4");
        assert_completes("nonsense ", ":4");
        assert_completes("--quiet logi", "login :4");
}

TEST(what_kubectl_alone_calls_is_not_offered)
{
        begin();
        assert_completes("cred", ":4");
}

TEST(clusters_are_contexts_and_names_that_were_signed_in_to)
{
        begin();
        assert_completes("login ", "prod prod!view dev :4");
        assert_completes("login prod", "prod prod!view :4");
        assert_completes("logout --quiet d", "dev :4");
        assert_completes("signin d", "dev :4");
        assert_completes("login prod ", ":4");
}

TEST(roles_are_those_of_the_cluster_that_is_named)
{
        begin();
        assert_completes("login --role ", "edit view admin :4");
        assert_completes("login dev --role ", "admin :4");
        assert_completes("login prod -r v", "view :4");
        assert_completes("login prod --role=e", "--role=edit :4");
}

TEST(flags_are_those_that_the_command_takes)
{
        begin();
        assert_completes("login --ro", "--role :4");
        assert_completes("logout --ro", ":4");
        assert_completes("--he", "--help :4");
        assert_completes("get login -o j", "json :4");
        assert_completes("get login --output=y", "--output=yaml :4");
        assert_completes("login --cache r", "runtime :4");
}

TEST(a_command_is_offered_behind_a_flag_that_asks_for_help)
{
        begin();
        assert_completes("--help logo", "logout :4");
        assert_completes("-h logo", "logout :4");
}

TEST(files_and_programs_are_left_to_the_shell)
{
        begin();
        assert_completes("login --kubeconfig ", ":0");
        assert_completes("exec prod -- l", ":0");
}

TEST(keys_and_their_values_are_completed)
{
        begin();
        assert_completes("config get tailscale.h", "tailscale.hostname :4");
        assert_completes("config set cache k", "keyring :4");
        assert_completes("config set output.quiet ", "true false :4");
        assert_completes("completion f", "fish :4");
}

TEST(candidates_are_told_what_they_are)
{
        scoped(buf_clear) struct buf text = { 0 };

        begin();
        complete("logi", &text);
        assert_string_equal(text.text, "login\tsign in and write a kubeconfig context\n:4\n");
}

TEST(without_anything_known_nothing_fails)
{
        setenv("XDG_STATE_HOME", folder_enter(), 1);
        assert_completes("login ", ":4");
        assert_completes("login --role ", ":4");
}
