#include "operator/drain.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "operator/config.h"
#include "schema/signin.h"

#define USER_AGENT "tka-operator/" VERSION
#define SERVER_BINDING "tka-server" /* of deploy/rbac */
#define WAIT_MS 600000
#define EVERY_MS 500
#define QUIET_MS 5000 /* an authorizer hears of a binding's end later than we do */

struct draining {
        struct loop *loop;
        struct kube *kube;
        const char *session_namespace;
        struct drain_sight sight;
        int64_t quiet_since; /* since then every look found neither right nor session; 0: none yet
                              */
        bool done;
        struct error err;
};

static void clear_draining(struct draining *draining)
{
        kube_free(draining->kube);
        loop_free(draining->loop);
}

/* One that is gone, or already another one, is dealt with. */
static bool remove_object(struct draining *draining, const char *path, const json_t *object,
                          struct error *err)
{
        const char *uid = json_text_at(object, "metadata.uid");

        if (uid == NULL)
                return error_set(err, ERROR_UNAVAILABLE, "%s came without uid", path);
        return kube_delete(draining->kube, path, uid, NULL, NULL, err) ||
               err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT;
}

/* Soon tka-server can write no session any more: as soon as every API server has heard of it. */
static bool take_right(struct draining *draining, struct error *err)
{
        static const struct kube_resource bindings = { "rbac.authorization.k8s.io", "v1",
                                                       "rolebindings" };
        scoped_free char *path =
                kube_path(&bindings, draining->session_namespace, SERVER_BINDING, NULL);
        json_auto_t *object = NULL;

        if (!kube_get(draining->kube, path, &object, err))
                return err->kind == ERROR_NOT_FOUND;
        draining->sight.right = true;
        return remove_object(draining, path, object, err);
}

static bool end_session(void *owner, const json_t *signin, struct error *err)
{
        struct draining *draining = owner;
        const char *name = json_text_at(signin, "metadata.name");

        draining->sight.left++;
        if (json_text_at(signin, "metadata.deletionTimestamp") != NULL)
                return true;

        scoped_free char *path =
                kube_path(signin_resource(), draining->session_namespace, name, NULL);
        return remove_object(draining, path, signin, err);
}

/* Deletes what is there: neither large ones nor some that do not end keep the others. */
static bool end_sessions(struct draining *draining, struct error *err)
{
        scoped_free char *path =
                kube_path(signin_resource(), draining->session_namespace, NULL, NULL);

        draining->sight.left = 0;
        return kube_walk(draining->kube, path, NULL, end_session, draining, err) ||
               err->kind == ERROR_NOT_FOUND; /* none without the CRD */
}

static void tell_change(const struct drain_sight *before, const struct drain_sight *now)
{
        if (now->left == before->left)
                return;

        scoped_free char *count = xasprintf("%zu", now->left);
        log_event(LOG_LEVEL_INFO, "sessions are ending", "left", count, NULL);
}

static bool look_once(struct draining *draining, struct error *err)
{
        const struct drain_sight before = draining->sight;
        struct drain_sight *now = &draining->sight;

        now->right = false;
        now->known = take_right(draining, err) && end_sessions(draining, err);
        if (now->known)
                tell_change(&before, now);
        if (!now->known || now->left > 0 || now->right)
                draining->quiet_since = 0;
        else if (draining->quiet_since == 0)
                draining->quiet_since = loop_now_ms();
        return now->known;
}

static bool is_quiet(const struct draining *draining)
{
        return draining->quiet_since != 0 && loop_now_ms() - draining->quiet_since >= QUIET_MS;
}

void drain_explain(const struct drain_sight *last, struct error *err)
{
        if (!last->known)
                error_wrap(err, "whether a session is left is not known");
        else if (last->left > 0)
                error_set(err, ERROR_UNAVAILABLE,
                          "%zu sessions have not ended: does tka-operator run?", last->left);
        else if (last->right)
                error_set(err, ERROR_UNAVAILABLE,
                          "no session is left, but somebody makes RoleBinding %s anew: with it, "
                          "tka-server begins others",
                          SERVER_BINDING);
        else
                error_set(err, ERROR_UNAVAILABLE,
                          "no session was left at the last look, but it was not so for %d s",
                          QUIET_MS / 1000);
}

/* An API server that cannot be reached is asked again; one that refuses is not. */
static bool drain_all(struct draining *draining, struct error *err)
{
        int64_t deadline = loop_now_ms() + WAIT_MS + QUIET_MS;

        for (;;) {
                int64_t begun_ms = loop_now_ms();
                bool good = look_once(draining, err);
                int64_t took_ms = loop_now_ms() - begun_ms;

                if (is_quiet(draining))
                        return true;
                if ((!good && err->kind != ERROR_UNAVAILABLE) || loop_now_ms() > deadline) {
                        drain_explain(&draining->sight, err);
                        return false;
                }
                /* What takes long keeps the API server from those who end the sessions. */
                if (!wait_ms(draining->loop, EVERY_MS + 2 * took_ms, err))
                        return false;
        }
}

static void drain_on_fiber(void *argument)
{
        struct draining *draining = argument;

        draining->done = drain_all(draining, &draining->err);
        loop_stop(draining->loop);
}

bool drain_run(void *record, struct kube_config *kube_config, struct error *err)
{
        struct config *config = record;
        scoped(clear_draining) struct draining draining = { 0 };

        if (!settings_settle_namespaces(&config->settings, kube_config->namespace_name, err))
                return false;
        draining.session_namespace = config->settings.session_namespace;
        draining.loop = loop_new();
        draining.kube = kube_new(draining.loop, kube_config, USER_AGENT);
        fiber_start(draining.loop, drain_on_fiber, &draining);
        loop_run(draining.loop);
        if (draining.done)
                log_event(LOG_LEVEL_INFO, "no session is left", "namespace",
                          draining.session_namespace, NULL);
        else
                *err = draining.err;
        return draining.done;
}
