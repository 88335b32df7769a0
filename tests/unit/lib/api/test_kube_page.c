#include "lib/api/kube.h"

#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "tests/unit/lib/http/peer.h"

#define LIST "{\"items\":[],\"metadata\":{\"name\":\"got\"}}"

/* With so many answers before it that are too large; most: asked for, then what it has become. */
static bool ask(const char *path, size_t too_large, int *most, const char *asked, struct error *err)
{
        scoped(buf_clear) struct buf large = { 0 };
        struct peer_answer answers[4];
        struct kube_config config = { 0 };
        struct loop *loop = loop_new();
        struct peer peer;
        json_auto_t *list = NULL;

        buf_add(&large, PEER_JSON("200 OK", ""));
        while (large.length <= LIMIT_KUBE_PAGE + 1024)
                buf_add(&large, "                                                                ");
        for (size_t i = 0; i < too_large; i++)
                answers[i] = (struct peer_answer){ buf_text(&large), PEER_CLOSES };
        answers[too_large] = (struct peer_answer){ PEER_JSON("200 OK", LIST), PEER_CLOSES };
        peer_start(&peer, loop, answers, too_large + 1);
        config.server = xstrdup(peer.url);
        struct kube *kube = kube_new(loop, &config, "test/1");
        bool got = kube_get_page_that_fits(kube, path, most, &list, err);
        assert_int_equal(got, list != NULL);
        assert_true(peer_was_asked(&peer, asked));
        kube_free(kube);
        assert_true(wait_ms(loop, 2, &(struct error){ 0 }));
        peer_stop(&peer);
        loop_free(loop);
        return got;
}

TEST(asks_for_fewer_until_they_fit_and_says_how_many)
{
        static const struct {
                const char *path;
                size_t too_large;
                int most;
                const char *asked;
        } cases[] = {
                { "/api/v1/pods",            0, 500, "/pods?limit=500 HTTP"            },
                { "/api/v1/pods?continue=t", 0, 500, "/pods?continue=t&limit=500 HTTP" },
                { "/api/v1/pods",            1, 50,  "/pods?limit=50 HTTP"             },
                { "/api/v1/pods",            3, 1,   "/pods?limit=1 HTTP"              },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct error err = { 0 };
                int most = 500;

                assert_ok(ask(cases[i].path, cases[i].too_large, &most, cases[i].asked, &err));
                assert_int_equal(most, cases[i].most);
        }
}

TEST(gives_up_when_one_alone_is_too_large)
{
        struct error err = { 0 };
        int most = 5;

        assert_false(ask("/api/v1/pods", 2, &most, "limit=1 HTTP", &err));
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_int_equal(err.http_status, 413);
        assert_int_equal(most, 1);
}
