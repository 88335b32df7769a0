#include "kubectl-tka/remote/target.h"

#include <unistd.h>

#include "kubectl-tka/kubeconfig/kubeconfig_file.h"
#include "kubectl-tka/local/cache.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

#define MARK(name, server, cluster, role) \
        "- name: " name "\n  context:\n    extensions:\n    - name: tka.specht-labs.de\n" \
        "      extension: {server: '" server "', cluster: " cluster ", role: '" role \
        "', ca-hash: ab}\n"

/* prod in two roles and under a name of its own, test on another server. */
static void read_targets(struct kubeconfig_files *files, struct target_list *list)
{
        static const char text[] =
                "contexts:\n- name: admin\n  context: {}\n" MARK("prod", "http://a", "prod", "")
                        MARK("prod!view", "http://a", "prod", "view")
                                MARK("mine", "http://a", "prod", "edit")
                                        MARK("test", "http://b", "test", "");
        struct error err = { 0 };

        assert_int_equal(chdir(folder_enter()), 0);
        assert_ok(file_write("config", 0600, text, strlen(text), &err));
        assert_ok(kubeconfig_files_read("config", files, &err));
        target_list_read(files, list);
        assert_int_equal(list->count, 4);
}

TEST(selects_what_a_word_means)
{
        static const struct {
                const char *word, *url;
                size_t count;
        } rows[] = {
                { "prod",      "https://prod",  3 },
                { "prod!view", "",              1 },
                { "mine",      "",              1 },
                { "test",      "",              1 },
                { "admin",     "https://admin", 0 },
                { "http://a",  "http://a",      3 },
                { "b",         "http://b",      1 },
        };
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        scoped(target_list_clear) struct target_list list = { 0 };

        read_targets(&files, &list);
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(target_list_clear) struct target_list selected = { 0 };
                target_list_select(&list, rows[i].word, rows[i].url, &selected);
                assert_int_equal(selected.count, rows[i].count);
        }
}

TEST(a_role_is_meant_by_the_name_of_a_context_that_has_one_and_by_nothing_else)
{
        static const struct {
                const char *word, *role;
        } rows[] = {
                { "prod!view", "view" },
                { "mine",      "edit" },
                { "prod",      NULL   },
                { "http://a",  NULL   },
                { NULL,        NULL   },
        };
        struct target items[] = {
                { "prod!view", { "http://a", "ab", "prod", "view" } },
                { "mine",      { "http://a", "ab", "prod", "edit" } },
                { "test",      { "http://b", "ab", "test", "view" } }, /* --context-name */
                { "other",     { "http://c", "ab", "third", "" }    },
        };
        const struct target_list list = { items, ARRAY_LENGTH(items) };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                const char *role = target_list_role(&list, rows[i].word);
                assert_true(rows[i].role ? role && strcmp(role, rows[i].role) == 0 : !role);
        }
        assert_null(target_list_role(&list, "test"));
        assert_null(target_list_role(&list, "other"));
}

static struct target at(const char *context, const char *server)
{
        return (struct target){
                context, { server, "ab", "prod", "" }
        };
}

TEST(does_not_guess_between_two_servers_whose_clusters_have_one_name)
{
        struct target items[] = { at("mine", "http://a"), at("theirs", "http://b") };
        const struct target_list list = { items, ARRAY_LENGTH(items) };
        scoped(target_list_clear) struct target_list selected = { 0 };
        struct error err = { 0 };

        assert_fails(target_list_select_server(&list, "prod", &selected, &err), ERROR_INVALID,
                     "which cluster? \"mine\", \"theirs\"");
        target_list_clear(&selected);
        assert_ok(target_list_select_server(&list, "theirs", &selected, &err));
        assert_int_equal(selected.count, 1);
        assert_string_equal(selected.items[0].key.server, "http://b");
}

#define ENTRIES(name, args) \
        "contexts: [{name: " name ", context: {user: u}}]\nusers:\n- name: u\n  user:\n" \
        "    exec: {args: [" args "]}\n"

TEST(knows_where_the_plugin_of_a_context_keeps_its_tokens)
{
        static const struct {
                const char *text;
                bool says;
                unsigned tiers;
        } rows[] = {
                { ENTRIES("c", "credential, --cache, none, --role, view"), true, 0 },
                { ENTRIES("c", "credential, --cache=file"), true, 1U << CACHE_FILE },
                { ENTRIES("c", "--cache, none, --cache, keyring"), true, 1 << CACHE_KEYRING },
                { ENTRIES("c", "credential, --cache, cloud"), false, 7 },
                { ENTRIES("c", "credential, --cache"), false, 7 },
                { ENTRIES("c", "credential, --cached, none"), false, 7 },
                { ENTRIES("other", "credential, --cache, none"), false, 7 },
                { "{}", false, 7 },
        };
        const struct target target = at("c", "http://a");
        struct error err = { 0 };

        assert_int_equal(chdir(folder_enter()), 0);
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
                unsigned tiers = 7;
                assert_ok(file_write("config", 0600, rows[i].text, strlen(rows[i].text), &err));
                assert_ok(kubeconfig_files_read("config", &files, &err));
                assert_int_equal(target_cache(&files, &target, &tiers), rows[i].says);
                assert_int_equal(tiers, rows[i].tiers);
        }
}

TEST(goes_by_the_current_context_and_never_guesses)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        scoped(target_list_clear) struct target_list list = { 0 };
        scoped(target_list_clear) struct target_list selected = { 0 };
        struct error err = { 0 };

        read_targets(&files, &list);
        assert_ok(target_list_select_usual(&list, "prod!view", &selected, &err));
        assert_int_equal(selected.count, 3);
        target_list_clear(&selected);
        assert_fails(target_list_select_usual(&list, NULL, &selected, &err), ERROR_INVALID,
                     "which cluster");
        assert_fails(target_list_select_usual(&list, "admin", &selected, &err), ERROR_INVALID,
                     "which cluster");
        list.count = 3;
        assert_ok(target_list_select_usual(&list, "admin", &selected, &err));
        assert_int_equal(selected.count, 3);
        list.count = 0;
        target_list_clear(&selected);
        assert_ok(target_list_select_usual(&list, NULL, &selected, &err));
        assert_int_equal(selected.count, 0);
}
