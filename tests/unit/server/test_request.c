#include "server/request.h"

#include "lib/http/http_connection.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(reads_how_long_a_client_wants_to_wait)
{
        static const struct {
                const char *prefer;
                int64_t wait_ms;
        } cases[] = {
                { NULL,                         0     },
                { "",                           0     },
                { "wait=5",                     5000  },
                { "respond-async, wait=10",     10000 },
                { "respond-async; x=1,WAIT=2",  2000  },
                { "wait=999999999999999999999", 30000 },
                { "wait=31",                    30000 },
                { "wait=-1",                    0     },
                { "wait=x",                     0     },
                { "await=5",                    0     },
                { ",,;",                        0     },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                assert_int_equal(request_wait_ms(cases[i].prefer), cases[i].wait_ms);
}

TEST(prefers_yaml_only_when_it_is_liked_better)
{
        static const struct {
                const char *accept;
                bool yaml;
        } cases[] = {
                { NULL,                                                     false },
                { "",                                                       false },
                { "*/*",                                                    false },
                { "application/json",                                       false },
                { "application/yaml",                                       true  },
                { "text/yaml",                                              true  },
                { "Application/X-YAML",                                     true  },
                { "application/yaml, */*",                                  true  },
                { "application/yaml;q=0.5, application/json",               false },
                { "application/json;q=0.5, application/yaml",               true  },
                { "application/yaml, application/json",                     false },
                { "application/yaml;q=0.3, */*;q=0.8",                      false },
                { "application/*",                                          false },
                { "text/*",                                                 true  },
                { "application/yaml;q=0",                                   false },
                { "application/json;q=0, */*",                              true  },
                { "text/html;level=1;q=0.4, text/yaml;charset=utf-8;q=0.7", true  },
                { ";;;,,,q=",                                               false },
                { "application/yaml;seq=0.1, application/json;q=0.5",       true  },
                { "application/yaml; q=0.501 ;x, application/json;q=.5",    true  },
                { "application/yaml;q=nan, application/json;q=0.001",       false },
                { "application/yaml;q=0x1p9, application/json;q=0.001",     false },
                { "application/yaml;q=7, application/json;q=0.999",         true  },
                { "application/yaml;q=0.9999, application/json;q=0.999",    false },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
                assert_int_equal(request_prefers_yaml(cases[i].accept), cases[i].yaml);
}

TEST(what_a_web_page_makes_a_browser_ask_is_refused)
{
        static const struct {
                const char *name, *value;
                bool refused;
        } cases[] = {
                { "Origin",         "https://page.example", true  },
                { "origin",         "null",                 true  },
                { "Origin",         "",                     true  },
                { "Sec-Fetch-Site", "cross-site",           true  },
                { "sec-fetch-site", "same-origin",          true  },
                { "Sec-Fetch-Site", "same-site",            true  },
                { "Sec-Fetch-Site", "none",                 false },
                { "Accept",         "*/*",                  false },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct http_header header = {
                        { cases[i].name,  strlen(cases[i].name)  },
                        { cases[i].value, strlen(cases[i].value) }
                };
                const struct http_exchange exchange = { .received = &header, .received_count = 1 };
                struct error err = { 0 };

                if (cases[i].refused)
                        assert_fails(request_check_origin(&exchange, &err), ERROR_DENIED,
                                     "web page");
                else
                        assert_ok(request_check_origin(&exchange, &err));
        }
}
