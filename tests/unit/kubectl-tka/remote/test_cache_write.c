#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "kubectl-tka/local/cache.h"
#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/remote/cache_write.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static const struct cache_wish in_a_file = { .tiers = 1U << CACHE_FILE };
static const struct cache_key key = { "http://tka:8123", "ab12", "prod", "view" };

/* A cache of the test's own, empty. */
static char *enter_folder(void)
{
        const char *name = folder_enter();

        assert_int_equal(unsetenv("KUBECACHEDIR"), 0);
        assert_int_equal(setenv("XDG_CACHE_HOME", name, 1), 0);
        return directory_cache();
}

static char *entry_path(void)
{
        const char *const parts[] = { key.server, key.ca_hash, key.cluster, key.role };
        scoped_free char *folder = directory_cache();

        return directory_file(folder, parts, ARRAY_LENGTH(parts), ".json");
}

static void write_entry(void)
{
        struct error err = { 0 };
        scoped(cache_entry_clear) struct cache_entry entry = {
                .login = xstrdup("alice@example.com"),
                .addresses = xstrdup("100.64.0.2"),
                .expires = 2000,
                .until = 3000,
                .period_seconds = 600,
                .fetched_at = 1000,
                .clock_offset = -7,
                .renewable = true,
        };

        const char *place = NULL;

        secret_set(&entry.token, "abc.def", 7);
        assert_ok(cache_write(&in_a_file, &key, &entry, &place, &err));
}

/* Puts one value into the entry that write_entry() wrote; NULL takes the key away. */
static void change_entry(const char *name, json_t *value)
{
        scoped_free char *path = entry_path();
        json_auto_t *entry = json_load_file(path, 0, NULL);

        assert_non_null(entry);
        if (value)
                json_object_set_new(entry, name, value);
        else
                json_object_del(entry, name);
        assert_int_equal(json_dump_file(entry, path, 0), 0);
}

static void assert_miss(const char *words)
{
        struct error err = { 0 };
        struct cache_entry entry = { .expires = 77 };

        assert_fails(cache_read(1U << CACHE_FILE, &key, &entry, &err), ERROR_NOT_FOUND, words);
        assert_int_equal(entry.expires, 77);
        assert_null(entry.server);
}

TEST(gives_back_what_was_written)
{
        scoped_free char *folder = enter_folder();
        scoped_free char *path = entry_path();
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct error err = { 0 };
        struct stat found;

        write_entry();
        assert_ok(cache_read(1U << CACHE_FILE, &key, &entry, &err));
        assert_string_equal(secret_text(&entry.token), "abc.def");
        assert_string_equal(entry.login, "alice@example.com");
        assert_string_equal(entry.addresses, "100.64.0.2");
        assert_int_equal(entry.expires, 2000);
        assert_int_equal(entry.clock_offset, -7);
        assert_true(entry.renewable);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0600);
        assert_int_equal(stat(folder, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0700);
}

TEST(misses_when_there_is_no_entry)
{
        scoped_free char *folder = enter_folder();

        assert_miss("No such file");
}

TEST(misses_without_a_home)
{
        assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
        assert_int_equal(unsetenv("HOME"), 0);
        assert_miss("no place to keep");
}

TEST(misses_for_any_other_key)
{
        static const struct cache_key others[] = {
                { "http://tka:8124", "ab12", "prod",     "view" },
                { "http://tka:8123", "ab13", "prod",     "view" },
                { "http://tka:8123", "ab12", "test",     "view" },
                { "http://tka:8123", "ab12", "prod",     ""     },
                { "http://tka:8123", "ab12", "prodview", ""     },
        };
        scoped_free char *folder = enter_folder();
        struct cache_entry entry = { 0 };
        struct error err = { 0 };

        write_entry();
        for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
                assert_fails(cache_read(1U << CACHE_FILE, &others[i], &entry, &err),
                             ERROR_NOT_FOUND, "");
}

TEST(misses_when_an_entry_is_not_what_was_written)
{
        static const struct {
                const char *name, *value, *words;
        } rows[] = {
                { "version",      "2",                    "is not an entry" },
                { "version",      "\"1\"",                "wrong type"      },
                { "server",       "\"http://x\"",         "is not an entry" },
                { "ca_hash",      "\"00\"",               "is not an entry" },
                { "cluster",      "\"test\"",             "is not an entry" },
                { "role",         "\"admin\"",            "is not an entry" },
                { "role",         NULL,                   "missing"         },
                { "token",        NULL,                   "missing"         },
                { "token",        "\"\"",                 "is not an entry" },
                { "token",        "\"a\\nb\"",            "is not an entry" },
                { "token",        "\"a\\\"b c\"",         "is not an entry" },
                { "token",        "7",                    "wrong type"      },
                { "expires",      NULL,                   "missing"         },
                { "expires",      "0",                    "is not an entry" },
                { "expires",      "-1",                   "is not an entry" },
                { "expires",      "1e3",                  "wrong type"      },
                { "until",        "9223372036854775807",  "is not an entry" },
                { "fetched_at",   "9223372036854775807",  "is not an entry" },
                { "clock_offset", "-9223372036854775807", "is not an entry" },
                { "renewable",    "1",                    "wrong type"      },
                { "addresses",    NULL,                   "missing"         },
        };
        scoped_free char *folder = enter_folder();

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                write_entry();
                change_entry(rows[i].name,
                             rows[i].value ? json_loads(rows[i].value, JSON_DECODE_ANY, NULL)
                                           : NULL);
                assert_miss(rows[i].words);
        }
}

TEST(misses_when_the_file_is_cut_off_empty_or_no_json)
{
        static const char *const texts[] = { "", "{", "null", "[]", "{}", "\xff\xfe", "{}{}" };
        scoped_free char *folder = enter_folder();
        scoped_free char *path = entry_path();
        struct error err = { 0 };

        write_entry();
        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                assert_ok(file_write(path, 0600, texts[i], strlen(texts[i]), &err));
                assert_miss("");
        }
}

TEST(misses_when_others_could_have_read_or_placed_it)
{
        scoped_free char *folder = enter_folder();
        scoped_free char *path = entry_path();
        scoped_free char *elsewhere = xasprintf("%s.real", path);

        write_entry();
        assert_int_equal(chmod(path, 0640), 0);
        assert_miss("group or world");
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(rename(path, elsewhere), 0);
        assert_int_equal(symlink(elsewhere, path), 0);
        assert_miss("symbolic link");
}

TEST(misses_when_the_file_is_far_too_large)
{
        scoped_free char *folder = enter_folder();

        write_entry();
        scoped_free char *large = xmalloc(100001);
        memset(large, 'x', 100000);
        large[100000] = '\0';
        change_entry("login", json_string(large));
        assert_miss("larger than");
}

TEST(forgets_an_entry_and_one_that_is_not_there)
{
        scoped_free char *folder = enter_folder();
        struct error err = { 0 };

        write_entry();
        assert_ok(cache_forget(&key, &err));
        assert_miss("No such file");
        assert_ok(cache_forget(&key, &err));
}

TEST(writes_nothing_into_a_folder_that_others_can_open)
{
        scoped_free char *folder = enter_folder();
        struct error err = { 0 };
        scoped(cache_entry_clear) struct cache_entry entry = { .addresses = xstrdup("") };

        const char *place = "untouched";

        secret_set(&entry.token, "a", 1);
        assert_int_equal(mkdir(folder, 0755), 0);
        assert_int_equal(chmod(folder, 0755), 0);
        assert_fails(cache_write(&in_a_file, &key, &entry, &place, &err), ERROR_INVALID,
                     "group or world");
}

TEST(keeps_in_the_first_place_that_takes_it_and_reads_the_newest)
{
        const struct cache_wish wish = { .tiers = 1U << CACHE_RUNTIME | 1U << CACHE_FILE };
        scoped_free char *folder = enter_folder();
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        scoped(cache_entry_clear) struct cache_entry found = { 0 };
        struct error err = { 0 };
        const char *place = NULL;

        assert_int_equal(setenv("XDG_RUNTIME_DIR", folder_enter(), 1), 0);
        write_entry();
        assert_ok(cache_read(wish.tiers, &key, &entry, &err));
        entry.fetched_at = 500;
        assert_ok(cache_write(&(struct cache_wish){ .tiers = 1U << CACHE_RUNTIME }, &key, &entry,
                              &place, &err));
        assert_ok(cache_read(wish.tiers, &key, &found, &err));
        assert_int_equal(found.fetched_at, 1000);
        assert_ok(cache_write(&wish, &key, &entry, &place, &err));
        assert_string_equal(place, "a private file in memory");
        assert_miss("No such file");
        assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
}
