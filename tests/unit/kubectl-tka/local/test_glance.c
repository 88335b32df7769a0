#include "kubectl-tka/local/glance.h"

#include <string.h>

#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/note.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static const struct cache_key key = { "http://tka:8123", "ab12", "prod", "" };

/* Places of the test's own, without a bus. */
static void enter(void)
{
        setenv("XDG_RUNTIME_DIR", folder_enter(), 1);
        setenv("XDG_CACHE_HOME", folder_enter(), 1);
        setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere", 1);
}

static void write_entry(const char *path, const char *role, int64_t fetched_at)
{
        struct error err = { 0 };
        scoped(buf_clear) struct buf text = { 0 };
        scoped(cache_entry_clear) struct cache_entry entry = { .granted_role = xstrdup(role),
                                                               .addresses = xstrdup(""),
                                                               .expires = 2000,
                                                               .until = 3000,
                                                               .fetched_at = fetched_at };

        secret_set(&entry.token, "-", 1);
        cache_entry_encode(&key, &entry, &text);
        assert_ok(note_make_folder(&err));
        scoped_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
        assert_ok(file_make_private_directory(folder, &err));
        assert_ok(file_write(path, 0600, text.text, text.length, &err));
}

TEST(takes_the_newest_of_the_files_and_of_what_is_noted_of_the_keyring)
{
        static const struct {
                int64_t keyring, runtime, file; /* when fetched; 0: nothing is there */
                const char *role;
                enum cache_tier tier;
        } rows[] = {
                { 300, 200, 100, "keyring", CACHE_KEYRING },
                { 100, 300, 200, "runtime", CACHE_RUNTIME },
                { 100, 200, 300, "file",    CACHE_FILE    },
                { 300, 0,   0,   "keyring", CACHE_KEYRING },
                { 0,   0,   300, "file",    CACHE_FILE    },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(cache_entry_clear) struct cache_entry entry = { 0 };
                enum cache_tier tier = CACHE_TIER_COUNT;
                enter();
                scoped_free char *note = note_file(&key, GLANCE_SUFFIX);
                scoped_free char *runtime = cache_file(CACHE_RUNTIME, &key);
                scoped_free char *file = cache_file(CACHE_FILE, &key);
                if (rows[i].keyring)
                        write_entry(note, "keyring", rows[i].keyring);
                if (rows[i].runtime)
                        write_entry(runtime, "runtime", rows[i].runtime);
                if (rows[i].file)
                        write_entry(file, "file", rows[i].file);
                assert_true(glance(&key, &entry, &tier));
                assert_string_equal(entry.granted_role, rows[i].role);
                assert_int_equal(tier, rows[i].tier);
        }
}

TEST(sees_nothing_where_nothing_is)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        enum cache_tier tier = CACHE_TIER_COUNT;

        enter();
        assert_false(glance(&key, &entry, &tier));
        assert_null(entry.granted_role);
}
