#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kubectl-tka/remote/ca_hash.h"
#include "kubectl-tka/remote/config.h"
#include "kubectl-tka/remote/peer.h"
#include "lib/fd.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

static char tka[] = "tka";
static char dev[] = "tka-dev";
static char tailnet[] = "example.ts.net";
static const struct config usual = { .hostname = tka, .port = 443 };

TEST(gives_every_server_one_url)
{
        static const struct {
                const char *given, *url;
        } rows[] = {
                { NULL,                  "https://tka"       },
                { "tka",                 "https://tka"       },
                { "http://tka:8123",     "http://tka:8123"   },
                { "HTTP://Tka:8123/",    "http://tka:8123"   },
                { "https://tka.x:443/",  "https://tka.x"     },
                { "http://tka:80",       "http://tka"        },
                { "tka:8123",            "http://tka:8123"   },
                { "tka:443",             "https://tka"       },
                { "http://100.64.0.1",   "http://100.64.0.1" },
                { "http://[fd7a::1]:80", "http://[fd7a::1]"  },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *url = NULL;
                struct error err = { 0 };
                assert_ok(config_server_url(&usual, rows[i].given, &url, &err));
                assert_string_equal(url, rows[i].url);
        }
}

TEST(refuses_what_names_no_server)
{
        static const char *const rows[] = { "ftp://tka",    "http://",      "http://tka/api",
                                            "http://a b",   "http://-x",    "http://a;b",
                                            "http://u@tka", "http://tka?x", "",
                                            "http://a\nb",  "$(id)" };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                char *url = tka;
                struct error err = { 0 };
                assert_fails(config_server_url(&usual, rows[i], &url, &err), ERROR_INVALID, "\"");
                assert_ptr_equal(url, tka);
        }
}

TEST(joins_host_tailnet_and_port)
{
        static const struct {
                const char *hostname, *tailnet;
                int64_t port;
                const char *given, *url;
        } rows[] = {
                { "tka-dev",           "example.ts.net", 8123, NULL,           "http://tka-dev.example.ts.net:8123" },
                { "tka",               "example.ts.net", 443,  NULL,           "https://tka.example.ts.net"         },
                { "tka",               "example.ts.net", 443,  "prod",         "https://prod.example.ts.net"        },
                { "tka",               "example.ts.net", 443,  "prod:8123",    "http://prod.example.ts.net:8123"    },
                { "tka",               "example.ts.net", 443,  "prod.x.net",   "https://prod.x.net"                 },
                { "tka",               "example.ts.net", 443,  "http://prod",  "http://prod"                        },
                { "tka",               "example.ts.net", 81,   "[fd7a::1]",    "http://[fd7a::1]:81"                },
                { "tka",               "example.ts.net", 81,   "100.64.0.1",   "http://100.64.0.1:81"               },
                { "tka",               "",               443,  "prod",         "https://prod"                       },
                { "http://127.0.0.1",  "example.ts.net", 8999, NULL,           "http://127.0.0.1:8999"              },
                { "http://tka/",       "example.ts.net", 8999, NULL,           "http://tka.example.ts.net:8999"     },
                { "https://tka",       "example.ts.net", 443,  NULL,           "https://tka.example.ts.net"         },
                { "http://tka:80",     NULL,             8999, NULL,           "http://tka"                         },
                { "http://tka",        NULL,             443,  NULL,           "http://tka"                         },
                { "https://[fd7a::1]", NULL,             8999, NULL,           "https://[fd7a::1]:8999"             },
                { "http://tka",        NULL,             8999, "http://other", "http://other"                       },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped_free char *hostname = xstrdup(rows[i].hostname);
                scoped_free char *suffix = xstrdup(rows[i].tailnet);
                scoped_free char *url = NULL;
                const struct config config = { .hostname = hostname,
                                               .tailnet = suffix,
                                               .port = rows[i].port };
                struct error err = { 0 };
                assert_ok(config_server_url(&config, rows[i].given, &url, &err));
                assert_string_equal(url, rows[i].url);
        }
}

TEST(knows_when_no_server_is_configured)
{
        static char none[] = "";
        const struct config named = { .hostname = dev, .port = 443 };
        const struct config complete = { .hostname = tka, .tailnet = tailnet, .port = 443 };
        const struct config empty = { .hostname = tka, .tailnet = none, .port = 443 };

        assert_true(config_server_is_default(&usual));
        assert_true(config_server_is_default(&empty));
        assert_false(config_server_is_default(&named));
        assert_false(config_server_is_default(&complete));
}

TEST(knows_servers_by_tag_or_by_the_beginning_of_a_tag)
{
        static const struct {
                const char *tag;
                bool match;
        } rows[] = {
                { "tag:tka",     true  },
                { "tag:tka-dev", true  },
                { "tag:tka-",    true  },
                { "tag:tkax",    false },
                { "tag:tk",      false },
                { "tag:ci",      false },
                { "tag:TKA",     false },
                { "",            false },
        };
        scoped(text_list_clear) struct text_list wanted = { 0 };

        text_list_add(&wanted, "tag:tka");
        text_list_add(&wanted, "tag:tka-*");
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(text_list_clear) struct text_list tags = { 0 };
                text_list_add(&tags, "tag:other");
                text_list_add(&tags, rows[i].tag);
                assert_int_equal(peer_tags_match(&tags, &wanted), rows[i].match);
        }
        assert_false(peer_tags_match(&(struct text_list){ 0 }, &wanted));
}

TEST(hashes_what_the_base64_holds)
{
        struct error err = { 0 };
        char hash[CA_HASH_SIZE] = "untouched";

        assert_fails(ca_hash_of("QUJ", hash, &err), ERROR_INVALID, "base64");
        assert_fails(ca_hash_of("Q*JD", hash, &err), ERROR_INVALID, "base64");
        assert_string_equal(hash, "untouched");
        assert_ok(ca_hash_of("QUJD", hash, &err)); /* ABC */
        assert_string_equal(hash,
                            "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78");
        assert_ok(ca_hash_of("YQ==", hash, &err)); /* a */
        assert_string_equal(hash,
                            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
        assert_ok(ca_hash_of(NULL, hash, &err));
        assert_string_equal(hash,
                            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(reads_flags_of_a_command_and_refuses_those_of_another)
{
        char words[][16] = { "login", "prod", "--role", "view", "--for", "15m", "logout" };
        char *login_argv[] = { words[0], words[1], words[2], words[3], words[4], words[5], NULL };
        char *logout_argv[] = { words[6], words[4], words[5], NULL };
        const struct command_line login = { "tka", COMMAND_LOGIN, login_argv, 6 };
        const struct command_line logout = { "tka", COMMAND_LOGOUT, logout_argv, 3 };
        scoped(config_clear) struct config config = { 0 };
        scoped(config_clear) struct config other = { 0 };
        struct error err = { 0 };

        assert_int_equal(setenv("HOME", "/nowhere", 1), 0);
        assert_ok(config_load(&login, &config, &err));
        assert_string_equal(config_operand(&config), "prod");
        assert_string_equal(config.role, "view");
        assert_int_equal(config.for_seconds, 900);
        assert_string_equal(config.cache, "auto");
        assert_int_equal(config.server_tags.count, 2);
        assert_fails(config_load(&logout, &other, &err), ERROR_INVALID, "--for");
}

/* Who listens there says which servers are to be trusted. */
TEST(refuses_a_socket_that_the_current_folder_would_choose)
{
        char words[][24] = { "credential", "--tailscale-socket", "run/ts.sock", "--config",
                             "" /* the file's name */ };
        char *by_flag_argv[] = { words[0], words[1], words[2], NULL };
        char *by_file_argv[] = { words[0], words[3], words[4], NULL };
        const struct command_line by_flag = { "tka", COMMAND_CREDENTIAL, by_flag_argv, 3 };
        const struct command_line by_file = { "tka", COMMAND_CREDENTIAL, by_file_argv, 3 };
        scoped(config_clear) struct config flag = { 0 };
        scoped(config_clear) struct config file = { 0 };
        struct error err = { 0 };

        snprintf(words[4], sizeof(words[4]), "/tmp/tka-XXXXXX");
        int fd = mkstemp(words[4]);
        assert_true(fd_write(fd, "tailscale:\n  socket: s\n", 23));
        close(fd);
        assert_fails(config_load(&by_flag, &flag, &err), ERROR_INVALID,
                     "--tailscale-socket: the socket \"run/ts.sock\" is no absolute path");
        bool loaded = config_load(&by_file, &file, &err);
        unlink(words[4]);
        assert_false(loaded);
        assert_non_null(strstr(
                err.text, ": line 2: \"tailscale.socket\": the socket \"s\" is no absolute path"));
}
