#include <stdlib.h>

#include "lib/api/kube_private.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

static const struct kube_resource accounts = { "", "v1", "serviceaccounts" };
static const struct kube_resource signins = { "tka.specht-labs.de", "v1alpha1", "tkasignins" };

TEST(builds_paths_and_escapes_their_parts)
{
        static const struct {
                const struct kube_resource *resource;
                const char *parts[3];
                const char *path;
        } cases[] = {
                { &accounts,
                 { "tka", "x", "token" },
                 "/api/v1/namespaces/tka/serviceaccounts/x/token"                           },
                { &accounts, { NULL, NULL, NULL }, "/api/v1/serviceaccounts"                },
                { &signins,
                 { "tka", NULL, NULL },
                 "/apis/tka.specht-labs.de/v1alpha1/namespaces/tka/tkasignins"              },
                { &signins,
                 { "a/b", "../c?d", NULL },
                 "/apis/tka.specht-labs.de/v1alpha1/namespaces/a%2Fb/tkasignins/..%2Fc%3Fd" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped_free char *path = kube_path(cases[i].resource, cases[i].parts[0],
                                                   cases[i].parts[1], cases[i].parts[2]);
                assert_string_equal(path, cases[i].path);
        }
}

TEST(names_what_a_path_is_about)
{
        static const struct {
                const char *path, *name;
        } cases[] = {
                { "/api/v1/namespaces/tka/serviceaccounts/x/token?a=b", "serviceaccounts/token" },
                { "/api/v1/namespaces/tka",                             "namespaces"            },
                { "/api/v1/namespaces/tka/serviceaccounts?limit=5",     "serviceaccounts"       },
                { "/apis/g/v1/clusterroles/view",                       "clusterroles"          },
                { "/version?x",                                         "/version"              },
                { "/api",                                               "/api"                  },
                { "",                                                   ""                      },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(buf_clear) struct buf name = { 0 };
                kube_path_name(cases[i].path, &name);
                assert_string_equal(buf_text(&name), cases[i].name);
        }
}
