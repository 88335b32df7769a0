#include "lib/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/memory.h"
#include "tests/unit/test.h"

/* A folder of its own for each test, left behind in /tmp only when the test fails. */
struct folder {
        char path[64];
        char inside[80]; /* a path in it */
};

static void make_folder(struct folder *folder)
{
        snprintf(folder->path, sizeof(folder->path), "/tmp/test_file.XXXXXX");
        assert_non_null(mkdtemp(folder->path));
        snprintf(folder->inside, sizeof(folder->inside), "%s/a", folder->path);
}

static void remove_folder(struct folder *folder)
{
        unlink(folder->inside);
        rmdir(folder->inside);
        assert_int_equal(rmdir(folder->path), 0);
}

TEST(reads_what_it_wrote)
{
        scoped(buf_clear) struct buf buf = { 0 };
        struct error err = { 0 };
        struct folder folder;
        struct stat found;

        make_folder(&folder);
        buf_init(&buf, 100);
        assert_ok(file_write(folder.inside, 0640, "one\0two", 7, &err));
        assert_int_equal(stat(folder.inside, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0640);
        assert_ok(file_read(folder.inside, &buf, &err));
        assert_int_equal(buf.length, 7);
        assert_memory_equal(buf.text, "one\0two", 7);
        remove_folder(&folder);
}

TEST(replaces_the_link_and_not_what_it_points_at)
{
        struct error err = { 0 };
        struct folder folder;
        struct stat found;

        make_folder(&folder);
        assert_int_equal(symlink("/nonexistent/target", folder.inside), 0);
        assert_ok(file_write(folder.inside, 0600, "x", 1, &err));
        assert_int_equal(lstat(folder.inside, &found), 0);
        assert_true(S_ISREG(found.st_mode));
        remove_folder(&folder);
}

TEST(leaves_the_buffer_alone_when_a_file_is_larger_than_its_limit)
{
        scoped(buf_clear) struct buf buf = { 0 };
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        buf_init(&buf, 8);
        buf_add(&buf, "old");
        assert_ok(file_write(folder.inside, 0600, "123456", 6, &err));
        assert_fails(file_read(folder.inside, &buf, &err), ERROR_INVALID, "larger than 8 bytes");
        assert_string_equal(buf_text(&buf), "old");
        remove_folder(&folder);
}

TEST(says_what_is_not_there)
{
        scoped(buf_clear) struct buf buf = { .limit = 8 };
        struct error err = { 0 };

        assert_fails(file_read("/nonexistent/a", &buf, &err), ERROR_NOT_FOUND, "/nonexistent/a");
        assert_fails(file_write("/nonexistent/a", 0600, "", 0, &err), ERROR_NOT_FOUND,
                     "/nonexistent/a");
}

TEST(refuses_what_is_no_regular_file_without_waiting)
{
        scoped(buf_clear) struct buf buf = { .limit = 8 };
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        assert_int_equal(mkfifo(folder.inside, 0600), 0);
        assert_fails(file_read(folder.inside, &buf, &err), ERROR_INVALID, "no regular file");
        assert_fails(file_read(folder.path, &buf, &err), ERROR_INVALID, "no regular file");
        remove_folder(&folder);
}

TEST(reads_a_private_file_that_is_ours_alone)
{
        scoped(buf_clear) struct buf buf = { .limit = 8 };
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        assert_ok(file_write(folder.inside, 0600, "x", 1, &err));
        assert_ok(file_read_private(folder.inside, &buf, &err));
        assert_string_equal(buf_text(&buf), "x");
        remove_folder(&folder);
}

TEST(refuses_a_private_file_that_others_can_read)
{
        scoped(buf_clear) struct buf buf = { .limit = 8 };
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        assert_ok(file_write(folder.inside, 0640, "x", 1, &err));
        assert_fails(file_read_private(folder.inside, &buf, &err), ERROR_INVALID,
                     "open to group or world (mode 0640)");
        assert_int_equal(buf.length, 0);
        remove_folder(&folder);
}

TEST(refuses_a_private_file_behind_a_link)
{
        scoped(buf_clear) struct buf buf = { .limit = 8 };
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        assert_int_equal(symlink("/etc/hostname", folder.inside), 0);
        assert_fails(file_read_private(folder.inside, &buf, &err), ERROR_INVALID,
                     "is a symbolic link");
        remove_folder(&folder);
}

TEST(makes_a_private_folder_with_its_parents)
{
        struct error err = { 0 };
        struct folder folder;
        struct stat found;
        char deep[128];

        make_folder(&folder);
        snprintf(deep, sizeof(deep), "%s/b", folder.inside);
        assert_ok(file_make_private_directory(deep, &err));
        assert_ok(file_make_private_directory(deep, &err));
        assert_int_equal(stat(folder.inside, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0700);
        assert_int_equal(rmdir(deep), 0);
        remove_folder(&folder);
}

TEST(refuses_a_private_folder_that_others_can_enter)
{
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        assert_int_equal(mkdir(folder.inside, 0700), 0);
        assert_int_equal(chmod(folder.inside, 0755), 0);
        assert_fails(file_make_private_directory(folder.inside, &err), ERROR_INVALID, "mode 0755");
        remove_folder(&folder);
}

TEST(root_makes_no_folder_at_somebody_elses)
{
        struct error err = { 0 };
        struct folder folder;
        char deep[128];

        if (geteuid() != 0)
                skip(); /* only root can give a folder away */
        make_folder(&folder);
        assert_int_equal(mkdir(folder.inside, 0700), 0);
        assert_int_equal(chown(folder.inside, 65534, 65534), 0);
        snprintf(deep, sizeof(deep), "%s/b/c", folder.inside);
        assert_fails(file_make_private_directory(deep, &err), ERROR_INVALID,
                     "belongs to somebody else");
        assert_fails(file_make_private_directory(folder.inside, &err), ERROR_INVALID,
                     "belongs to user 65534");
        remove_folder(&folder);
}

TEST(refuses_a_private_folder_that_is_a_file_or_a_link)
{
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        assert_ok(file_write(folder.inside, 0600, "x", 1, &err));
        assert_fails(file_make_private_directory(folder.inside, &err), ERROR_NOT_FOUND,
                     folder.inside);
        unlink(folder.inside);
        assert_int_equal(symlink("/tmp", folder.inside), 0);
        assert_false(file_make_private_directory(folder.inside, &err));
        assert_fails(file_make_private_directory("", &err), ERROR_INVALID, "without a name");
        remove_folder(&folder);
}

TEST(removes_a_file_with_what_writers_that_were_killed_left_beside_it)
{
        static const struct {
                const char *suffix;
                bool stays;
        } rows[] = {
                { ".AbC123",  false },
                { ".zzzzzz",  false },
                { ".lock",    true  },
                { ".AbC1234", true  },
                { "-AbC123",  true  },
                { "",         false },
        };
        struct error err = { 0 };
        struct folder folder;

        make_folder(&folder);
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *path = xasprintf("%s%s", folder.inside, rows[i].suffix);
                assert_ok(file_write(path, 0600, "x", 1, &err));
        }
        assert_ok(file_remove(folder.inside, &err));
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *path = xasprintf("%s%s", folder.inside, rows[i].suffix);
                assert_int_equal(unlink(path) == 0, rows[i].stays);
        }
        assert_ok(file_remove(folder.inside, &err));
        remove_folder(&folder);
}

TEST(forbids_core_dumps)
{
        int status = 0;
        pid_t child = fork();

        if (!child) {
                struct rlimit limit;
                file_forbid_core_dumps();
                _exit(getrlimit(RLIMIT_CORE, &limit) || limit.rlim_cur || limit.rlim_max);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}
