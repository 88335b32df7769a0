/* signin_fixture.h - a store of sessions on an API server that answers from a script, for the tests
 * of what stands on it. */
#pragma once

#include "lib/api/kube.h"
#include "lib/fiber.h"
#include "server/signin_store.h"
#include "tests/unit/lib/http/peer.h"

#define LIST(version, items) \
        PEER_JSON("200 OK", \
                  "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}")
#define WATCH "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

struct fixture {
        struct loop *loop;
        struct peer peer;
        struct kube *kube;
        struct signin_store *store;
};

static inline void set_up(struct fixture *fixture, const struct peer_answer *answers, size_t count)
{
        struct kube_config config = { 0 };
        struct error err = { 0 };

        fixture->loop = loop_new();
        peer_start(&fixture->peer, fixture->loop, answers, count);
        config.server = xstrdup(fixture->peer.url);
        fixture->kube = kube_new(fixture->loop, &config, "test");
        fixture->store = signin_store_new(fixture->loop, fixture->kube, "tka");
        for (int i = 0; i < 200 && fixture->peer.request_count < 2; i++)
                assert_ok(wait_ms(fixture->loop, 10, &err));
        assert_ok(wait_ms(fixture->loop, 20, &err));
}

static inline void tear_down(struct fixture *fixture)
{
        struct error err = { 0 };

        signin_store_free(fixture->store);
        assert_ok(wait_ms(fixture->loop, 10, &err));
        kube_free(fixture->kube);
        peer_stop(&fixture->peer);
        loop_free(fixture->loop);
}
