#include <stdlib.h>
#include <unistd.h>

#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/mark.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static const struct cache_key key = { "http://tka:8123", "ab12", "prod", "" };
static const struct cache_key key_with_role = { "http://tka:8123", "ab12", "prod", "view" };

static void enter_folder(void)
{
        const char *name = folder_enter();

        assert_int_equal(setenv("XDG_STATE_HOME", name, 1), 0);
}

TEST(lets_everybody_pass_who_never_signed_out)
{
        struct error err = { 0 };

        enter_folder();
        assert_ok(mark_check(&key, &err));
}

TEST(names_the_command_after_a_logout)
{
        struct error err = { 0 };

        enter_folder();
        assert_ok(mark_write(&key_with_role, &(struct mark){ .signed_out = true }, &err));
        assert_ok(mark_check(&key, &err));
        assert_false(mark_check(&key_with_role, &err));
        assert_int_equal(err.kind, ERROR_UNAUTHENTICATED);
        assert_string_equal(err.text, "not signed in to prod: run \"kubectl tka login "
                                      "http://tka:8123 --role view\"");
}

TEST(does_not_depend_on_the_ca_that_a_login_changes)
{
        const struct cache_key other = { key.server, "ffff", key.cluster, key.role };
        struct error err = { 0 };

        enter_folder();
        assert_ok(mark_write(&key, &(struct mark){ .signed_out = true }, &err));
        assert_fails(mark_check(&other, &err), ERROR_UNAUTHENTICATED, "not signed in to prod");
}

TEST(is_taken_away_by_a_login)
{
        struct error err = { 0 };

        enter_folder();
        assert_ok(mark_write(&key, &(struct mark){ .signed_out = true }, &err));
        assert_ok(mark_remove(&key, &err));
        assert_ok(mark_check(&key, &err));
        assert_ok(mark_remove(&key, &err));
}

TEST(keeps_when_a_session_that_is_not_renewed_ends)
{
        struct error err = { 0 };
        scoped(mark_clear) struct mark mark = { 0 };

        enter_folder();
        assert_ok(mark_write(
                &key, &(struct mark){ .once = true, .until = 99, .period_seconds = 60 }, &err));
        assert_ok(mark_check(&key, &err));
        mark_read(&key, &mark);
        assert_true(mark.once);
        assert_int_equal(mark.until, 99);
        assert_int_equal(mark.period_seconds, 60);
}

TEST(counts_a_file_that_cannot_be_read_as_signed_out)
{
        static const char *const texts[] = { "", "{", "[]", "{\"server\":1}" };
        const char *const parts[] = { key.server, key.cluster, key.role };
        struct error err = { 0 };

        enter_folder();
        scoped_free char *folder = directory_state();
        scoped_free char *path = directory_file(folder, parts, ARRAY_LENGTH(parts), ".json");
        for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
                assert_ok(mark_write(&key, &(struct mark){ .once = true }, &err));
                assert_ok(file_write(path, 0600, texts[i], strlen(texts[i]), &err));
                assert_fails(mark_check(&key, &err), ERROR_UNAUTHENTICATED, "not signed in");
        }
}
