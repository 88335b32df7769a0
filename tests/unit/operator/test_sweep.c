#include "operator/sweep.h"

#include "lib/api/kube.h"
#include "lib/daemon/metrics.h"
#include "lib/fiber.h"
#include "operator/lease.h"
#include "operator/measures.h"
#include "operator/store.h"
#include "tests/unit/lib/http/peer.h"

#define NONE { PEER_JSON("200 OK", "{\"items\":[]}"), PEER_CLOSES }
#define TAKEN { PEER_JSON("201 Created", "{\"spec\":{\"holderIdentity\":\"x\"}}"), PEER_CLOSES }
#define ABSENT { PEER_JSON("404 Not Found", "{\"message\":\"no\"}"), PEER_CLOSES }
#define FAILS { PEER_JSON("403 Forbidden", "{\"message\":\"no\"}"), PEER_CLOSES }
#define DELETED { PEER_JSON("200 OK", "{}"), PEER_CLOSES }
#define OBJECT(name, uid, owner) \
        "{\"metadata\":{\"namespace\":\"tka\",\"name\":\"" name "\",\"uid\":\"" uid \
        "\",\"labels\":{\"tka.specht-labs.de/signin-uid\":\"" owner "\"}}}"
#define OBJECTS(name, uid, owner) \
        { PEER_JSON("200 OK", "{\"items\":[" OBJECT(name, uid, owner) "]}"), PEER_CLOSES }
#define SESSION(uid) \
        { PEER_JSON("200 OK", "{\"items\":[{\"metadata\":{\"uid\":\"" uid "\"}}]}"), PEER_CLOSES }

/* An operator that has the lease and has seen nothing: no watch tells it anything. */
struct stage {
        struct peer cluster, leases;
        struct kube *lease_kube;
        struct program program;
        struct sweep *sweep;
};

static struct kube *connect_to(struct peer *peer, struct loop *loop,
                               const struct peer_answer *answers, size_t count)
{
        struct kube_config config = { 0 };

        peer_start(peer, loop, answers, count);
        config.server = xstrdup(peer->url);
        return kube_new(loop, &config, "test/1");
}

static void note_lease(void *owner, bool ours)
{
        (void)owner, (void)ours;
}

static void note_change(void *owner, struct session *session)
{
        (void)owner, (void)session;
}

static void set_up(struct stage *stage, const struct peer_answer *answers, size_t count)
{
        static const struct peer_answer lease_answers[] = { ABSENT, TAKEN };
        struct program *program = &stage->program;

        *stage = (struct stage){
                .program = { .session_namespace = "tka", .listed = true }
        };
        program->loop = loop_new();
        program->metrics = measures_new();
        program->store = store_new("tka", note_change, NULL);
        program->kube = connect_to(&stage->cluster, program->loop, answers, count);
        stage->lease_kube = connect_to(&stage->leases, program->loop, lease_answers,
                                       ARRAY_LENGTH(lease_answers));
        program->lease = lease_start(&(struct lease_options){ .loop = program->loop,
                                                              .kube = stage->lease_kube,
                                                              .namespace_name = "tka-system",
                                                              .name = "l",
                                                              .changed = note_lease });
        stage->sweep = sweep_start(program);
}

static void tear_down(struct stage *stage)
{
        struct program *program = &stage->program;

        sweep_stop(stage->sweep);
        lease_stop(program->lease, 0);
        assert_true(wait_ms(program->loop, 5, &(struct error){ 0 }));
        lease_free(program->lease);
        kube_free(program->kube);
        kube_free(stage->lease_kube);
        assert_true(wait_ms(program->loop, 2, &(struct error){ 0 }));
        free(stage->sweep);
        peer_stop(&stage->cluster);
        peer_stop(&stage->leases);
        store_free(program->store);
        metrics_free(program->metrics);
        loop_free(program->loop);
        assert_int_equal(fiber_count(), 0);
}

/* Waits for so many requests. */
static void await_requests(struct stage *stage, size_t count)
{
        int64_t deadline_ms = loop_now_ms() + 5000;

        while (stage->cluster.request_count < count && loop_now_ms() < deadline_ms)
                assert_true(wait_ms(stage->program.loop, 5, &(struct error){ 0 }));
        assert_true(stage->cluster.request_count >= count);
}

#define ORPHAN "DELETE /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/o.tka"

TEST(comes_again_after_a_while_and_removes_what_no_session_owns)
{
        static const struct peer_answer answers[] = {
                NONE,    NONE,
                NONE, /* the sweep at the start: each kind */
                NONE,    OBJECTS("o.tka", "u1", "nobody"),
                NONE,    SESSION("somebody"),
                DELETED, NONE,
        };
        struct stage stage;

        set_up(&stage, answers, ARRAY_LENGTH(answers));
        *sweep_pace(stage.sweep) = (struct sweep_pace){ 200, 60000, 10, 60000, 9 };
        await_requests(&stage, 3);
        assert_false(peer_was_asked(&stage.cluster, "DELETE"));
        await_requests(&stage, 8);
        assert_true(peer_was_asked(&stage.cluster, ORPHAN));
        await_requests(&stage, 11);
        tear_down(&stage);
}

TEST(leaves_what_a_session_owns_that_the_watch_has_not_told_of)
{
        static const struct peer_answer answers[] = {
                NONE, OBJECTS("o.tka", "u1", "somebody"), NONE, SESSION("somebody"), NONE,
        };
        struct stage stage;

        set_up(&stage, answers, ARRAY_LENGTH(answers));
        *sweep_pace(stage.sweep) = (struct sweep_pace){ 50, 60000, 10, 60000, 9 };
        await_requests(&stage, 7);
        assert_false(peer_was_asked(&stage.cluster, "DELETE"));
        tear_down(&stage);
}

TEST(tries_again_soon_when_it_cannot_look)
{
        static const struct peer_answer answers[] = {
                FAILS, FAILS, FAILS, NONE, OBJECTS("o.tka", "u1", "nobody"), NONE, NONE, DELETED,
        };
        struct stage stage;

        set_up(&stage, answers, ARRAY_LENGTH(answers));
        *sweep_pace(stage.sweep) = (struct sweep_pace){ 60000, 50, 10, 60000, 9 };
        await_requests(&stage, 8);
        assert_true(peer_was_asked(&stage.cluster, ORPHAN));
        tear_down(&stage);
}

static bool says(const struct stage *stage, const char *line)
{
        scoped(buf_clear) struct buf text = { 0 };

        metrics_print(stage->program.metrics, &text);
        return strstr(buf_text(&text), line) != NULL;
}

TEST(a_kind_that_cannot_be_listed_keeps_none_of_the_others)
{
        static const struct peer_answer answers[] = {
                FAILS, OBJECTS("o.tka", "u1", "nobody"), NONE, SESSION("somebody"), DELETED, NONE,
        };
        struct stage stage;

        set_up(&stage, answers, ARRAY_LENGTH(answers));
        *sweep_pace(stage.sweep) = (struct sweep_pace){ 60000, 50, 10, 60000, 9 };
        await_requests(&stage, 6);
        assert_true(peer_was_asked(&stage.cluster, ORPHAN));
        tear_down(&stage);
}

TEST(removes_any_number_of_them_a_few_at_a_time)
{
        static const struct peer_answer answers[] = {
                { PEER_JSON("200 OK", "{\"items\":[" OBJECT("a.tka", "u1", "nobody") "," OBJECT(
                                              "b.tka", "u2", "somebody") "," OBJECT("c.tka", "u3",
                 "nobody") "]}"),
                 PEER_CLOSES },
                SESSION("somebody"),
                FAILS, /* the first two: one of them, which is kept */
                OBJECTS("d.tka", "u4", "somebody"),
                SESSION("somebody"),
                DELETED, /* c and d */
                OBJECTS("e", "u5", "nobody"),
                NONE,
                DELETED,
                NONE,
        };
        struct stage stage;

        set_up(&stage, answers, ARRAY_LENGTH(answers));
        *sweep_pace(stage.sweep) = (struct sweep_pace){ 60000, 60000, 10, 60000, 2 };
        await_requests(&stage, 9);
        assert_true(says(&stage, "\ntka_reconcile_failures_total 1\n"));
        assert_true(peer_was_asked(
                &stage.cluster,
                "DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/tka/rolebindings/a.tka"));
        assert_true(peer_was_asked(
                &stage.cluster,
                "DELETE /apis/rbac.authorization.k8s.io/v1/namespaces/tka/rolebindings/c.tka"));
        assert_true(
                peer_was_asked(&stage.cluster, "DELETE /api/v1/namespaces/tka/serviceaccounts/e"));
        tear_down(&stage);
}
