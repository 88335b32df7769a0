#include "kubectl-tka/local/current_context.h"

#include "lib/file.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

TEST(reads_what_kubectl_and_we_write)
{
        static const struct {
                const char *text, *name;
        } rows[] = {
                { "current-context: prod\n",                       "prod"             },
                { "apiVersion: v1\ncurrent-context: a!b # mine\n", "a!b"              },
                { "current-context: \"a b\"\n",                    "a b"              },
                { "current-context: 'a b'  \n",                    "a b"              },
                { "current-context:   x y  \r\nkind: Config",      "x y"              },
                { "{\"current-context\": \"prod\"}",               "prod"             },
                { "\n {\"current-context\": \"prod\"}",            "prod"             },
                { "current-context: arn:aws:eks/prod",             "arn:aws:eks/prod" },
                { "current-context: \"\"\n",                       NULL               },
                { "current-context:\n",                            NULL               },
                { "current-context: # none\n",                     NULL               },
                { "current-context: \"a\\tb\"\n",                  NULL               },
                { "current-context: 'it''s'\n",                    NULL               },
                { "a:\n  current-context: inner\n",                NULL               },
                { "{\"current-context\": 1}",                      NULL               },
                { "{broken",                                       NULL               },
                { "",                                              NULL               },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *name = current_context_parse(rows[i].text, strlen(rows[i].text));
                if (rows[i].name)
                        assert_string_equal(name, rows[i].name);
                else
                        assert_null(name);
        }
}

static char *write_file(const char *folder, const char *name, const char *text)
{
        struct error err = { 0 };
        char *path = xasprintf("%s/%s", folder, name);

        assert_ok(file_write(path, 0600, text, strlen(text), &err));
        return path;
}

TEST(takes_the_first_file_that_names_one)
{
        const char *folder = folder_enter();
        scoped_free char *none = write_file(folder, "none", "kind: Config\n");
        scoped_free char *first = write_file(folder, "first", "current-context: one\n");
        scoped_free char *second = write_file(folder, "second", "current-context: two\n");
        scoped_free char *list = xasprintf(":%s:/nowhere:%s:%s", none, first, second);

        setenv("KUBECONFIG", list, 1);
        scoped_free char *listed = current_context_find(NULL);
        scoped_free char *named = current_context_find(second);
        scoped_free char *missing = current_context_find("/nowhere");
        unsetenv("KUBECONFIG");
        assert_string_equal(listed, "one");
        assert_string_equal(named, "two");
        assert_null(missing);
}
