#include "kubectl-tka/local/directory.h"

#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

TEST(in_a_shell_its_own_folder_counts)
{
        const char *shell = folder_enter();
        scoped_free char *run = xasprintf("%s/run", shell);
        scoped_free char *marks = xasprintf("%s/state", shell);
        scoped_free char *kubeconfig = xasprintf("%s/" DIRECTORY_SHELL_KUBECONFIG, shell);
        struct error err = { 0 };

        assert_ok(file_write(kubeconfig, 0600, "", 0, &err));
        setenv(DIRECTORY_SHELL_VARIABLE, shell, 1);
        scoped_free char *runtime = directory_runtime();
        scoped_free char *found = directory_state();

        assert_false(directory_shell_is_over());
        assert_string_equal(runtime, run);
        assert_string_equal(found, marks);
        unsetenv(DIRECTORY_SHELL_VARIABLE);
}

/* What is made there again would be taken for a shell that goes on. */
TEST(a_shell_that_is_over_has_no_folders)
{
        scoped_free char *gone = xasprintf("%s/gone", folder_enter());

        setenv(DIRECTORY_SHELL_VARIABLE, gone, 1);

        assert_true(directory_shell_is_over());
        assert_null(directory_runtime());
        assert_null(directory_state());
        unsetenv(DIRECTORY_SHELL_VARIABLE);
}

TEST(a_shell_is_over_as_soon_as_its_kubeconfig_is_gone)
{
        setenv(DIRECTORY_SHELL_VARIABLE, folder_enter(), 1);

        assert_true(directory_shell_is_over());
        unsetenv(DIRECTORY_SHELL_VARIABLE);
}
