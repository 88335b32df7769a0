#include "tests/unit/test.h"

#include "lib/memory.h"
#include "schema/signin.h"

/* namespaces: separated by commas, as it is typed. */
static const char *name_of(const char *login, const char *role, const char *node_id,
                           const char *namespaces)
{
        static char names[4][SIGNIN_NAME_SIZE];
        static size_t next;
        scoped(signin_spec_clear) struct signin_spec spec = { .username = xstrdup(login),
                                                              .role = xstrdup(role),
                                                              .node_id = xstrdup(node_id) };
        char word[64];
        size_t length = 0;

        for (; *namespaces; namespaces += length + (namespaces[length] == ',')) {
                length = strcspn(namespaces, ",");
                snprintf(word, sizeof(word), "%.*s", (int)length, namespaces);
                text_list_add(&spec.namespaces, word);
        }
        return signin_name(&spec, names[next++ % 4]);
}

static void assert_differ(const char *name, const char *other)
{
        assert_string_not_equal(name, other);
}

TEST(gives_the_same_name_as_ever)
{
        /* printf 'alice@example.com\0view\0n1\0' | sha256sum; a change would orphan sessions. */
        assert_string_equal(name_of("alice@example.com", "view", "n1", ""),
                            "tka-user-alice-06c4f8ea6d68d8d3");
        /* printf 'alice@example.com\0view\0n1\0a,b' | sha256sum */
        assert_string_equal(name_of("alice@example.com", "view", "n1", "b,a"),
                            "tka-user-alice-8b60c55e26d199da");
        /* printf '\0\0\0' | sha256sum */
        assert_string_equal(name_of("", "", NULL, ""), "tka-user-user-709e80c88487a241");
}

TEST(makes_a_readable_slug_of_the_part_before_the_at_sign)
{
        static const struct {
                const char *login, *start;
        } cases[] = {
                { "alice@example.com",                      "tka-user-alice-"                         },
                { "Bob.Smith+x@example.com",                "tka-user-bob-smith-x-"                   },
                { "--A__b--@x",                             "tka-user-a-b-"                           },
                { "@example.com",                           "tka-user-user-"                          },
                { "\xc3\xa9@example.com",                   "tka-user-user-"                          },
                { "j\xc3\xb6rg@example.com",                "tka-user-j-rg-"                          },
                { "nobody",                                 "tka-user-nobody-"                        },
                { "abcdefghijklmnopqrstuvwxyz0123456789@x",
                 "tka-user-abcdefghijklmnopqrstuvwxyz0123-"                                           },
                { "abcdefghijklmnopqrstuvwxyz012.4@x",      "tka-user-abcdefghijklmnopqrstuvwxyz012-" },
                { "a@b@c",                                  "tka-user-a-"                             },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                const char *name = name_of(cases[i].login, "view", "n1", "");
                size_t length = strlen(cases[i].start);
                assert_memory_equal(name, cases[i].start, length);
                assert_int_equal(strlen(name), length + 16);
                assert_int_equal(strspn(name + length, "0123456789abcdef"), 16);
        }
}

TEST(keeps_people_roles_devices_and_namespaces_apart)
{
        const char *alice = name_of("alice@a", "view", "n1", "");

        assert_differ(alice, name_of("alice@b", "view", "n1", ""));
        assert_differ(alice, name_of("alice@a", "edit", "n1", ""));
        assert_differ(alice, name_of("alice@a", "view", "n2", ""));
        alice = name_of("alice@a", "view", "n1", "");
        assert_differ(alice, name_of("alice@a", "view", "n1", "dev"));
        assert_differ(alice, name_of("Alice@a", "view", "n1", ""));
        assert_differ(alice, name_of("alice", "view", "n1", ""));
}

TEST(takes_namespaces_in_any_order_and_once)
{
        const char *name = name_of("alice@a", "edit", "n1", "a,b,c");

        assert_string_equal(name, name_of("alice@a", "edit", "n1", "c,b,a"));
        assert_string_equal(name, name_of("alice@a", "edit", "n1", "b,a,b,c,c"));
        assert_differ(name, name_of("alice@a", "edit", "n1", "a,b"));
}

TEST(does_not_let_one_field_run_into_the_next)
{
        assert_differ(name_of("alice@a", "", "view", ""), name_of("alice@a", "view", "", ""));
        assert_differ(name_of("alice@a", "view", "n1", ""), name_of("alice@a", "viewn1", "", ""));
        assert_differ(name_of("alice@a", "view", "", "n1"), name_of("alice@a", "view", "n1", ""));
        assert_string_equal(name_of("alice@a", "view", NULL, ""),
                            name_of("alice@a", "view", "", ""));
}

TEST(fits_a_label_value_whatever_the_login)
{
        char login[400];

        memset(login, 'x', sizeof(login) - 1);
        login[sizeof(login) - 1] = '\0';
        assert_true(strlen(name_of(login, "view", "n1", "")) <= 63);
}

TEST(knows_a_name_that_its_spec_gives)
{
        struct signin signin = {
                .spec = { .username = (char[]){ "alice@a" },
                         .role = (char[]){ "view" },
                         .node_id = (char[]){ "n1" } }
        };
        char name[SIGNIN_NAME_SIZE];

        assert_false(signin_name_is_ours(&signin));
        signin_name(&signin.spec, name);
        signin.name = name;
        assert_true(signin_name_is_ours(&signin));
        signin.spec.role = (char[]){ "edit" };
        assert_false(signin_name_is_ours(&signin));
}

TEST(tells_whose_session_it_is_and_on_which_device)
{
        struct signin signin = {
                .spec = { .username = (char[]){ "alice@a" }, .node_id = (char[]){ "n1" } }
        };

        assert_true(signin_belongs_to(&signin, "alice@a", "n1"));
        assert_false(signin_belongs_to(&signin, "alice@b", "n1"));
        assert_false(signin_belongs_to(&signin, "alice@a", "n2"));
        signin.spec.node_id = NULL;
        assert_false(signin_belongs_to(&signin, "alice@a", ""));
}
