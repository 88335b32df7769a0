#include "kubectl-tka/integration.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

/* The line for words, apart at spaces. */
static bool print(const char *words, struct buf *text, struct error *err)
{
        scoped(text_list_clear) struct text_list argv = { 0 };

        for (const char *at = words; *at;) {
                size_t length = strcspn(at, " ");
                scoped_free char *word = xstrndup(at, length);
                text_list_add(&argv, word);
                at += length + (at[length] == ' ');
        }
        return integration_print_line((int)argv.count, argv.items, text, err);
}

TEST(only_what_signs_in_gives_a_line_whatever_its_alias)
{
        static const struct {
                const char *words;
                bool gives;
        } cases[] = {
                { "posix 1 login prod",           true  },
                { "posix 1 signin",               true  },
                { "posix 1 auth tka -r view",     true  },
                { "posix 1 --quiet login prod",   true  },
                { "posix 1 login --help",         false },
                { "posix 1 login -h",             false },
                { "posix 1 login --dry-run",      false },
                { "posix 1 login prod --stdout",  false },
                { "posix 1 login --kubeconfig f", false },
                { "posix 1 logn prod",            false },
                { "posix 1 logout",               false },
                { "posix 1 get login",            false },
                { "posix 1",                      false },
                { "posix x login",                false },
                { "tcsh 1 login",                 false },
        };

        setenv("XDG_RUNTIME_DIR", folder_enter(), 1);
        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(buf_clear) struct buf text = { 0 };
                struct error err = { 0 };
                assert_ok(print(cases[i].words, &text, &err));
                if ((text.length > 0) != cases[i].gives)
                        fail_msg("\"%s\" gives \"%s\"", cases[i].words, buf_text(&text));
        }
}

TEST(each_shell_gets_a_line_in_its_own_words)
{
        const char *folder = folder_enter();
        scoped_free char *posix =
                xasprintf("export KUBECONFIG='%s/tka/kubeconfigs/7.yaml'\n", folder);
        scoped_free char *fish =
                xasprintf("set -gx KUBECONFIG '%s/tka/kubeconfigs/7.yaml'\n", folder);
        scoped(buf_clear) struct buf first = { 0 };
        scoped(buf_clear) struct buf second = { 0 };
        struct error err = { 0 };

        setenv("XDG_RUNTIME_DIR", folder, 1);
        assert_ok(print("posix 7 login", &first, &err));
        assert_ok(print("fish 7 login", &second, &err));

        assert_string_equal(first.text, posix);
        assert_string_equal(second.text, fish);
}

TEST(a_path_that_cannot_be_quoted_is_refused)
{
        scoped_free char *folder = xasprintf("%s/it's", folder_enter());
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        assert_int_equal(mkdir(folder, 0700), 0);
        setenv("XDG_RUNTIME_DIR", folder, 1);
        assert_fails(print("posix 7 login", &text, &err), ERROR_INVALID, "cannot be quoted");
        assert_int_equal(text.length, 0);
}

TEST(files_of_shells_that_are_gone_are_removed)
{
        const char *folder = folder_enter();
        scoped_free char *own = xasprintf("%s/tka/kubeconfigs/%d.yaml", folder, (int)getpid());
        scoped_free char *gone = xasprintf("%s/tka/kubeconfigs/4194304.yaml", folder);
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        setenv("XDG_RUNTIME_DIR", folder, 1);
        assert_ok(print("posix 1 login", &text, &err));
        fclose(fopen(own, "w"));
        fclose(fopen(gone, "w"));
        assert_ok(print("posix 1 login", &text, &err));

        assert_int_equal(access(own, F_OK), 0);
        assert_int_not_equal(access(gone, F_OK), 0);
}
