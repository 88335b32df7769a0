#include "lib/api/kube.h"

#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "tests/unit/lib/http/peer.h"

#define LIST "{\"items\":[],\"metadata\":{\"name\":\"got\"}}"

/* A client, and what it takes for the API server. */
struct stage {
        struct loop *loop;
        struct peer peer;
        struct kube *kube;
};

static void set_up(struct stage *stage, const struct peer_answer *answers, size_t count)
{
        struct kube_config config = { 0 };

        stage->loop = loop_new();
        peer_start(&stage->peer, stage->loop, answers, count);
        config.server = xstrdup(stage->peer.url);
        stage->kube = kube_new(stage->loop, &config, "test/1");
}

static void tear_down(struct stage *stage)
{
        kube_free(stage->kube);
        assert_true(wait_ms(stage->loop, 2, &(struct error){ 0 }));
        peer_stop(&stage->peer);
        loop_free(stage->loop);
}

/* With so many answers before it that are too large; most: asked for, then what it has become. */
static bool ask(const char *path, size_t too_large, int *most, const char *asked, struct error *err)
{
        scoped(buf_clear) struct buf large = { 0 };
        struct peer_answer answers[4];
        struct stage stage;
        json_auto_t *list = NULL;

        buf_add(&large, PEER_JSON("200 OK", ""));
        while (large.length <= LIMIT_KUBE_PAGE + 1024)
                buf_add(&large, "                                                                ");
        for (size_t i = 0; i < too_large; i++)
                answers[i] = (struct peer_answer){ buf_text(&large), PEER_CLOSES };
        answers[too_large] = (struct peer_answer){ PEER_JSON("200 OK", LIST), PEER_CLOSES };
        set_up(&stage, answers, too_large + 1);
        bool got = kube_get_page_that_fits(stage.kube, path, most, &list, err);
        assert_int_equal(got, list != NULL);
        assert_true(peer_was_asked(&stage.peer, asked));
        tear_down(&stage);
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

struct visits {
        struct buf names;
        const char *last; /* the walk ends there, NULL: nowhere */
};

static bool visit(void *owner, const json_t *object, struct error *err)
{
        struct visits *visits = owner;
        const char *name = json_text_at(object, "metadata.name");

        buf_printf(&visits->names, "%s ", name);
        return visits->last == NULL || strcmp(visits->last, name) != 0 ||
               error_set(err, ERROR_CONFLICT, "enough");
}

#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\"}}"

/* Over two pages; the text is what was visited. */
static bool walk(const char *selector, const char *last, struct buf *names, struct buf *asked,
                 struct error *err)
{
        static const struct peer_answer answers[] = {
                { PEER_JSON("200 OK", "{\"items\":[" ITEM("a") "," ITEM(
                                              "b") "],"
                                                   "\"metadata\":{\"continue\":\"t/1\"}}"),
                 PEER_CLOSES                                                                                                                 },
                { PEER_JSON("200 OK", "{\"items\":[" ITEM("c") "],\"metadata\":{}}"),                                            PEER_CLOSES },
        };
        struct visits visits = { .last = last };
        struct stage stage;

        set_up(&stage, answers, ARRAY_LENGTH(answers));
        bool done = kube_walk(stage.kube, "/api/v1/pods", selector, visit, &visits, err);
        *names = visits.names;
        buf_add(asked, buf_text(&stage.peer.requests));
        tear_down(&stage);
        return done;
}

TEST(walks_over_all_pages_until_a_visit_ends_it)
{
        scoped(buf_clear) struct buf names = { 0 };
        scoped(buf_clear) struct buf fewer = { 0 };
        scoped(buf_clear) struct buf asked = { 0 };
        scoped(buf_clear) struct buf once = { 0 };
        struct error err = { 0 };

        assert_ok(walk("a/b", NULL, &names, &asked, &err));
        assert_string_equal(buf_text(&names), "a b c ");
        assert_non_null(strstr(buf_text(&asked), "/pods?labelSelector=a%2Fb&limit=500 HTTP"));
        assert_non_null(
                strstr(buf_text(&asked), "/pods?labelSelector=a%2Fb&continue=t%2F1&limit=500 H"));
        assert_fails(walk(NULL, "b", &fewer, &once, &err), ERROR_CONFLICT, "enough");
        assert_string_equal(buf_text(&fewer), "a b ");
        assert_non_null(strstr(buf_text(&once), "/pods?limit=500 HTTP"));
        assert_null(strstr(buf_text(&once), "continue"));
}

#define FIRST \
        { PEER_JSON("200 OK", "{\"items\":[" ITEM("a") "],\"metadata\":{\"continue\":\"t\"}}"), \
          PEER_CLOSES }
#define LAST { PEER_JSON("200 OK", "{\"items\":[" ITEM("b") "],\"metadata\":{}}"), PEER_CLOSES }
#define FORGOTTEN \
        { PEER_JSON("410 Gone", "{\"kind\":\"Status\",\"message\":\"too old\"}"), PEER_CLOSES }

TEST(begins_again_a_few_times_when_the_api_server_forgot_where_it_was)
{
        static const struct {
                struct peer_answer answers[8];
                size_t answer_count;
                const char *names;
                bool done;
        } cases[] = {
                { { FIRST, FORGOTTEN, FIRST, LAST },                                          4, "a a b ",     true  },
                { { FIRST, FORGOTTEN, FIRST, FORGOTTEN, FIRST, FORGOTTEN, FIRST, LAST },
                 8,                                                                              "a a a a b ",
                 true                                                                                                },
                { { FIRST, FORGOTTEN, FIRST, FORGOTTEN, FIRST, FORGOTTEN, FIRST, FORGOTTEN },
                 8,                                                                              "a a a a ",
                 false                                                                                               },
                { { FORGOTTEN, LAST },                                                        2, "",           false },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                struct visits visits = { 0 };
                struct error err = { 0 };
                struct stage stage;

                set_up(&stage, cases[i].answers, cases[i].answer_count);
                bool done = kube_walk(stage.kube, "/api/v1/pods", NULL, visit, &visits, &err);
                assert_int_equal(done, cases[i].done);
                assert_string_equal(buf_text(&visits.names), cases[i].names);
                if (!done)
                        assert_int_equal(err.http_status, 410);
                buf_clear(&visits.names);
                tear_down(&stage);
        }
}
