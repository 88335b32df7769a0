#include "kubectl-tka/remote/config_file.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static void edit(const char *before, const char *key, const char *value, struct buf *after,
                 bool *rewritten)
{
        json_auto_t *json = json_loads(value, JSON_DECODE_ANY, NULL);
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };

        buf_add(&text, before);
        assert_ok(config_file_edit(&text, key, json, after, rewritten, &err));
}

TEST(one_key_changes_and_everything_else_stays)
{
        static const struct {
                const char *before, *key, *value, *after;
        } cases[] = {
                { "",                                                                                "cache",                "\"file\"",    "cache: file\n"                                                            },
                { "",                                                                                "tailscale.port",       "8123",        "tailscale:\n  port: 8123\n"                                               },
                { "# ours\ncache: auto # why\n",                                                     "cache",                "\"file\"",
                 "# ours\ncache: file # why\n"                                                                                                                                                                         },
                { "cache: auto",                                                                     "output.quiet",         "true",        "cache: auto\noutput:\n  quiet: true\n"                                    },
                { "tailscale:\n    # where\n    port: 443   # https\n    tailnet: x\ncache: auto\n",
                 "tailscale.port",                                                                                           "8123",
                 "tailscale:\n    # where\n    port: 8123   # https\n    tailnet: x\n"
                  "cache: auto\n"                                                                                                                                                                                      },
                { "tailscale:\n    tailnet: x\n\n# the cache\ncache: auto\n",                        "tailscale.port",
                 "8123",                                                                                                                    "tailscale:\n    tailnet: x\n    port: 8123\n\n# the cache\ncache: auto\n" },
                { "tailscale.port: 443 # flat\n",                                                    "tailscale.port",       "1",
                 "tailscale.port: 1 # flat\n"                                                                                                                                                                          },
                { "tailscale:\ncache: auto\n",                                                       "tailscale.port",       "1",
                 "tailscale:\n  port: 1\ncache: auto\n"                                                                                                                                                                },
                { "tailscale: {}\n",                                                                 "tailscale.port",       "1",           "tailscale:\n  port: 1\n"                                                  },
                { "tailscale:\n  port:\n",                                                           "tailscale.port",       "1",           "tailscale:\n  port: 1\n"                                                  },
                { "tailscale:\n  serverTags: [tag:a] # one\n",                                       "tailscale.serverTags",
                 "[\"tag:b\",\"tag:c\"]",                                                                                                   "tailscale:\n  serverTags: [\"tag:b\",\"tag:c\"] # one\n"                  },
                { "tailscale:\n  serverTags:\n  - tag:a\n  - tag:b\n  port: 1\n",
                 "tailscale.serverTags",                                                                                     "[\"tag:c\"]",
                 "tailscale:\n  serverTags: [\"tag:c\"]\n  port: 1\n"                                                                                                                                                  },
                { "tailscale:\n  servertags: [] # lowered\n",                                        "tailscale.serverTags", "[\"tag:b\"]",
                 "tailscale:\n  servertags: [\"tag:b\"] # lowered\n"                                                                                                                                                   },
                { "tailscale:\n  hostname: 'it''s'\n",                                               "tailscale.hostname",   "\"true\"",
                 "tailscale:\n  hostname: \"true\"\n"                                                                                                                                                                  },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(buf_clear) struct buf after = { 0 };
                bool rewritten = true;
                edit(cases[i].before, cases[i].key, cases[i].value, &after, &rewritten);
                assert_string_equal(buf_text(&after), cases[i].after);
                assert_false(rewritten);
        }
}

TEST(what_has_no_layout_to_keep_is_written_anew_and_said_so)
{
        scoped(buf_clear) struct buf after = { 0 };
        bool rewritten = false;

        edit("{tailscale: {port: 443, tailnet: x}}\n", "tailscale.port", "1", &after, &rewritten);

        assert_true(rewritten);
        assert_string_equal(buf_text(&after), "tailscale:\n  port: 1\n  tailnet: x\n");
}

TEST(a_text_that_is_no_mapping_is_refused)
{
        static const struct {
                const char *before, *words;
        } cases[] = {
                { "- a\n",          "keys and values"              },
                { "a: [\n",         "line"                         },
                { "tailscale: x\n", "\"tailscale\" must hold keys" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_auto_t *value = json_integer(1);
                scoped(buf_clear) struct buf text = { 0 };
                scoped(buf_clear) struct buf after = { 0 };
                struct error err = { 0 };
                bool rewritten = true;
                buf_add(&text, cases[i].before);
                assert_fails(
                        config_file_edit(&text, "tailscale.port", value, &after, &rewritten, &err),
                        ERROR_INVALID, cases[i].words);
                assert_int_equal(after.length, 0);
                assert_true(rewritten);
        }
}

TEST(a_file_is_made_private_and_keeps_its_mode_and_its_link)
{
        const char *folder = folder_enter();
        scoped_free char *file = xasprintf("%s/new/config.yaml", folder);
        scoped_free char *link = xasprintf("%s/link.yaml", folder);
        json_auto_t *value = json_integer(1);
        struct stat found = { 0 };
        struct error err = { 0 };
        bool rewritten = false;

        assert_ok(config_file_set(file, "tailscale.port", value, &rewritten, &err));
        assert_int_equal(stat(file, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0600);

        assert_int_equal(chmod(file, 0644), 0);
        assert_int_equal(symlink("new/config.yaml", link), 0);
        assert_ok(config_file_set(link, "cache", value, &rewritten, &err));
        assert_int_equal(lstat(link, &found), 0);
        assert_true(S_ISLNK(found.st_mode));
        assert_int_equal(stat(file, &found), 0);
        assert_int_equal(found.st_mode & 07777, 0644);
}
