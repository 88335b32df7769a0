#include "server/host.h"

#include "lib/memory.h"
#include "tests/unit/test.h"

static bool is_ours(const char *host, const char *node)
{
        scoped(text_list_clear) struct text_list listed = { 0 };

        text_list_add(&listed, "kube.example.com");
        return host_is_ours(host, node, &listed);
}

TEST(takes_addresses_and_names_that_nobody_outside_the_tailnet_can_have)
{
        static const char *const hosts[] = { "100.64.0.1",
                                             "100.64.0.1:8123",
                                             "[fd7a::1]",
                                             "[fd7a::1]:443",
                                             "tka",
                                             "TKA:8123",
                                             "tka.net.ts.net",
                                             "Tka.Net.ts.net:443",
                                             "tka.net.ts.net.",
                                             "other.net.ts.net",
                                             "kube.example.com",
                                             "Kube.Example.com:8123" };

        for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++)
                if (!is_ours(hosts[i], "tka.net.ts.net."))
                        fail_msg("%s", hosts[i]);
}

TEST(refuses_names_that_somebody_else_can_point_here)
{
        static const char *const hosts[] = { "evil.example",
                                             "evil.example:8123",
                                             "tka.net.ts.net.evil.example",
                                             "eviltka.other.ts.net",
                                             "xnet.ts.net",
                                             "ts.net",
                                             "100.64.0.1.evil.example",
                                             "",
                                             ":80",
                                             "[::1.evil.example]" };

        for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++)
                if (is_ours(hosts[i], "tka.net.ts.net."))
                        fail_msg("%s", hosts[i]);
        assert_false(host_is_ours(NULL, NULL, &(struct text_list){ 0 }));
}

TEST(knows_no_domain_before_the_node_has_a_name)
{
        assert_false(is_ours("tka.net.ts.net", NULL));
        assert_false(is_ours("tka.net.ts.net", ""));
        assert_false(is_ours("anything.example", "tka"));
        assert_true(is_ours("tka", NULL));
}
