#include <sys/stat.h>

#include "kubectl-tka/search_path.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static void put_file(const char *folder, const char *name, mode_t mode)
{
        scoped_free char *path = xasprintf("%s/%s", folder, name);
        struct error err = { 0 };

        assert_ok(file_write(path, mode, "#!\n", 3, &err));
}

TEST(finds_the_first_that_may_be_run)
{
        const char *before = folder_enter();
        const char *folder = folder_enter();
        const char *behind = folder_enter();
        scoped_free char *path = xasprintf("::/nowhere:%s:%s:%s", before, folder, behind);
        scoped_free char *expected = xasprintf("%s/one", folder);

        put_file(before, "one", 0644);
        put_file(folder, "one", 0755);
        put_file(behind, "one", 0755);
        scoped_free char *found = search_path_find(path, "one");
        scoped_free char *other = search_path_find(path, "two");
        scoped_free char *nowhere = search_path_find(NULL, "one");

        assert_string_equal(found, expected);
        assert_null(other);
        assert_null(nowhere);
}
