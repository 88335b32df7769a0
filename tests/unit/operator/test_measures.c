#include "operator/measures.h"

#include "lib/api/kube.h"
#include "lib/daemon/metrics.h"
#include "operator/program.h"
#include "operator/store.h"
#include "tests/unit/lib/http/peer.h"

static void note_change(void *owner, struct session *session)
{
        (void)owner, (void)session;
}

static bool says(const struct program *program, const char *line)
{
        scoped(buf_clear) struct buf text = { 0 };

        measures_count_sessions(program);
        metrics_print(program->metrics, &text);
        return strstr(buf_text(&text), line) != NULL;
}

TEST(counts_a_binding_without_a_session_as_overdue_once_all_sessions_are_known)
{
        struct text_list roles = { 0 };
        struct program program = { .session_namespace = "tka", .rules.roles = &roles };
        struct kube_config config = { .server = xstrdup("http://127.0.0.1:1") };
        struct error err = { 0 };
        json_auto_t *binding = json_pack("{s:{s:s, s:s, s:{s:s}}}", "metadata", "name", "o.tka",
                                         "uid", "b1", "labels", SIGNIN_UID_LABEL, "nobody");

        program.loop = loop_new();
        program.kube = kube_new(program.loop, &config, "test/1");
        program.metrics = measures_new();
        program.store = store_new("tka", note_change, NULL);
        assert_ok(store_put_dependent(program.store, DEPENDENT_CLUSTER_BINDING, binding, &err));

        assert_true(says(&program, "\ntka_sessions_overdue 0\n"));
        program.listed = true;
        assert_true(says(&program, "\ntka_sessions_overdue 1\n"));

        store_free(program.store);
        metrics_free(program.metrics);
        kube_free(program.kube);
        loop_free(program.loop);
}
