#include "kubectl-tka/remote/target_book.h"

#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

#define MARK(name, server, cluster, role) \
        "- name: " name "\n  context:\n    extensions:\n    - name: tka.specht-labs.de\n" \
        "      extension: {server: '" server "', cluster: " cluster ", role: '" role \
        "', ca-hash: ab}\n"

static void note(const char *context, const char *server, const char *cluster)
{
        const struct cache_key key = { server, "ab", cluster, "" };
        struct error err = { 0 };

        assert_ok(known_put(context, &key, NULL, &err));
}

/* prod at a by the kubeconfig; noted besides: prod at z by another, and three that stand there
 * alone. */
static void read_book(struct kubeconfig_files *files, struct target_book *book)
{
        static const char text[] = "contexts:\n" MARK("prod", "http://a", "prod", "");
        const char *folder = folder_enter();
        scoped_free char *path = xasprintf("%s/config", folder);
        struct error err = { 0 };

        setenv("XDG_STATE_HOME", folder, 1);
        assert_ok(file_write(path, 0600, text, strlen(text), &err));
        note("prod", "http://z", "prod");
        note("test", "http://b", "test");
        note("one", "http://c", "twice");
        note("two", "http://d", "twice");
        assert_ok(kubeconfig_files_read(path, files, &err));
        target_book_read(files, book);
}

TEST(a_word_is_looked_for_in_the_kubeconfig_then_in_what_is_noted_then_it_is_a_server)
{
        static const struct {
                const char *word, *url;
                size_t count;
        } rows[] = {
                { "prod",     "http://a",    1 },
                { "test",     "http://b",    1 },
                { "two",      "http://d",    1 },
                { "http://b", "http://b",    1 },
                { "http://a", "http://a",    1 },
                { "new",      "https://new", 0 },
                { NULL,       "http://a",    1 },
        };
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        scoped(target_book_clear) struct target_book book = { 0 };

        read_book(&files, &book);
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *word = xstrdup(rows[i].word);
                const struct config config = { .server = word, .port = CONFIG_PORT };
                scoped(target_list_clear) struct target_list selected = { 0 };
                scoped_free char *url = NULL;
                struct error err = { 0 };
                assert_ok(target_book_find_server(&book, &config, &files, &selected, &url, &err));
                assert_memory_equal(url, rows[i].url, strlen(rows[i].url));
                assert_int_equal(selected.count, rows[i].count);
        }
}

TEST(does_not_guess_between_two_servers_that_are_noted_for_one_name)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        scoped(target_book_clear) struct target_book book = { 0 };
        scoped(target_list_clear) struct target_list selected = { 0 };
        struct error err = { 0 };

        read_book(&files, &book);
        assert_fails(target_book_select(&book, "twice", &selected, &err), ERROR_INVALID,
                     "which cluster?");
}
