#include "lib/daemon/health.h"

#include "lib/http/http_client.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

struct world {
        struct loop *loop;
        struct http_client *client;
        struct http_server *server;
        struct health health;
        const char *trouble; /* NULL: ready */
        int answered;
};

static bool check(void *owner, struct error *err)
{
        const struct world *world = owner;

        return world->trouble == NULL || error_set(err, ERROR_UNAVAILABLE, "%s", world->trouble);
}

static void print(void *owner, struct buf *text)
{
        (void)owner;
        buf_add(text, "ours 1\n");
}

static void print_controller(void *owner, struct buf *text)
{
        (void)owner;
        buf_add(text, "theirs 1\n");
}

static void note(void *owner, const struct http_outcome *outcome)
{
        struct world *world = owner;

        (void)outcome;
        world->answered++;
}

static void open_world(struct world *world)
{
        const struct http_client_options options = { .in_flight = 1, .user_agent = "test/1" };
        struct error err = { 0 };

        world->loop = loop_new();
        world->client = http_client_new(world->loop, &options);
        world->health =
                (struct health){ world, check, "all is well", print, print_controller, note };
        world->server = health_listen(world->loop, &world->health, "127.0.0.1", 0, &err);
        assert_non_null(world->server);
}

static void close_world(struct world *world)
{
        http_client_free(world->client);
        http_server_free(world->server);
        loop_free(world->loop);
}

/* The status; the body must hold words. */
static int get(struct world *world, const char *path, const char *words)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped_free char *url =
                xasprintf("http://127.0.0.1:%d%s", http_server_port(world->server), path);
        const struct http_request request = { .url = url,
                                              .timeout_ms = 10000,
                                              .limit_bytes = 1000 };
        struct error err = { 0 };

        assert_ok(http_client_send(world->client, &request, &reply, &err));
        assert_non_null(strstr(buf_text(&reply.body), words));
        return reply.status;
}

TEST(is_alive_and_says_why_it_is_or_is_not_ready)
{
        struct world world = { 0 };

        open_world(&world);
        assert_int_equal(get(&world, "/livez", "alive"), 200);
        assert_int_equal(get(&world, "/readyz", "all is well"), 200);
        world.trouble = "the \"hub\" is away";
        assert_int_equal(get(&world, "/readyz", "the \\\"hub\\\" is away"), 503);
        assert_int_equal(get(&world, "/ready", "not ready"), 503);
        assert_int_equal(get(&world, "/livez", "alive"), 200);
        assert_int_equal(world.answered, 5);
        close_world(&world);
}

TEST(prints_the_metrics_of_the_daemon_and_of_its_controller)
{
        struct world world = { 0 };

        open_world(&world);
        assert_int_equal(get(&world, "/metrics", "ours 1"), 200);
        assert_int_equal(get(&world, "/metrics/controller", "theirs 1"), 200);
        assert_int_equal(get(&world, "/", "there is no"), 404);
        close_world(&world);
}

TEST(names_the_key_when_it_cannot_listen)
{
        struct loop *loop = loop_new();
        struct health health = { 0 };
        struct error err = { 0 };

        assert_null(health_listen(loop, &health, "127.0.0.300", 0, &err));
        assert_non_null(strstr(err.text, "health.address"));
        loop_free(loop);
}
