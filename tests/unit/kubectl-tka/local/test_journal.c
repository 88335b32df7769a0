#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kubectl-tka/local/journal.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

/* The file that TKA_LOG names from here on; the caller's. */
static char *name_log(void)
{
        char *path = xasprintf("%s/log", folder_enter());

        assert_int_equal(setenv("TKA_LOG", path, 1), 0);
        return path;
}

static void read_log(const char *path, struct buf *text)
{
        struct error err = { 0 };

        buf_init(text, 65536);
        assert_ok(file_read_private(path, text, &err));
}

TEST(adds_a_line_with_the_time_and_the_process_for_each_thing_done)
{
        scoped_free char *path = name_log();
        scoped_free char *mine = xasprintf(" kubectl-tka[%d] two\n", (int)getpid());
        scoped(buf_clear) struct buf text = { 0 };

        journal_add("%s", "one");
        journal_add("%s", "two");
        read_log(path, &text);
        assert_non_null(strstr(text.text, " one\n"));
        assert_non_null(strstr(text.text, mine));
        assert_string_equal(text.text + text.length - strlen(mine), mine);
}

TEST(keeps_a_line_one_line_whatever_it_is_given)
{
        scoped_free char *path = name_log();
        scoped_free char *long_words = xcalloc(1, 5000);
        scoped(buf_clear) struct buf text = { 0 };

        memset(long_words, 'x', 4999);
        journal_add("a\nb\033[31m%s", long_words);
        read_log(path, &text);
        assert_ptr_equal(strchr(text.text, '\n'), text.text + text.length - 1);
        assert_null(strchr(text.text, '\033'));
        assert_in_range(text.length, 900, 1100);
}

TEST(writes_nothing_unless_asked_to)
{
        scoped_free char *path = name_log();

        assert_int_equal(unsetenv("TKA_LOG"), 0);
        journal_add("one");
        assert_int_equal(setenv("TKA_LOG", "", 1), 0);
        journal_add("one");
        assert_int_not_equal(access(path, F_OK), 0);
}

TEST(leaves_what_is_no_file_of_ours_alone)
{
        scoped_free char *path = name_log();
        scoped_free char *target = xasprintf("%s.target", path);
        struct stat found;

        assert_int_equal(symlink(target, path), 0);
        journal_add("one");
        assert_int_not_equal(access(target, F_OK), 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        journal_add("one"); /* nobody reads: it does not wait */
        assert_int_equal(lstat(path, &found), 0);
        assert_true(S_ISFIFO(found.st_mode));
}
