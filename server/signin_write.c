#include <string.h>

#include "lib/loop.h"
#include "lib/memory.h"
#include "server/signin_store.h"
#include "server/signin_store_private.h"

#define MANAGER "tka-server"
#define PAUSE_MS 100

bool signin_store_refresh(struct signin_store *store, const char *name, struct error *err)
{
        scoped(signin_clear) struct signin signin = { 0 };
        scoped_free char *path = kube_path(signin_resource(), store->namespace_name, name, NULL);
        json_auto_t *object = NULL;
        const struct signin *known = signin_store_find(store, name);
        scoped_free char *uid = xstrdup(known == NULL ? NULL : known->uid);

        if (!kube_get(store->kube, path, &object, err)) {
                if (err->kind != ERROR_NOT_FOUND)
                        return false;
                if (uid != NULL)
                        signin_store_forget(store, name, uid);
                return true;
        }
        if (!signin_store_read(object, &signin, err))
                return false;
        if (uid != NULL && strcmp(uid, signin.uid) != 0)
                signin_store_forget(store, name, uid);
        signin_store_accept(store, &signin, false);
        return true;
}

static bool apply_body(struct signin_store *store, const char *name, const json_t *body,
                       struct signin *signin, struct error *err)
{
        scoped_free char *path = kube_path(signin_resource(), store->namespace_name, name, NULL);
        json_auto_t *object = NULL;
        scoped(signin_clear) struct signin written = { 0 };

        if (!kube_apply(store->kube, path, MANAGER, body, &object, err) ||
            !signin_store_read(object, &written, err))
                return false;
        if (written.spec.validity_period == NULL && written.deletion_at == 0)
                return error_set(err, ERROR_INTERNAL,
                                 "the API server answered with what cannot be read");
        if (strcmp(written.name, name) != 0)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "the API server answered with another object: \"%s\"",
                                 written.name);
        signin_clear(signin);
        signin_copy(signin, &written);
        signin_store_accept(store, &written, false);
        return true;
}

/* An object on its way out takes no finalizer any more: 422. *gone: it went meanwhile. */
static bool was_ending(struct signin_store *store, const char *name, bool *gone)
{
        struct error ignored = { 0 };

        if (!signin_store_refresh(store, name, &ignored))
                return false;
        const struct signin *known = signin_store_find(store, name);
        *gone = known == NULL;
        return known != NULL && known->deletion_at != 0;
}

/* Until the session on its way out is gone; a moment at least, so that no answer makes us run hot.
 */
static bool wait_for_end(struct signin_store *store, const char *name, int64_t deadline_ms,
                         struct error *err)
{
        const struct signin *known = signin_store_find(store, name);
        scoped_free char *uid = xstrdup(known == NULL ? "" : known->uid);

        if (loop_now_ms() >= deadline_ms)
                return error_set(err, ERROR_UNAVAILABLE, "the old session has not ended in time");
        return signin_store_wait_gone(store, name, uid, deadline_ms, err) &&
               (known != NULL || wait_ms(store->loop, PAUSE_MS, err));
}

bool signin_store_apply(struct signin_store *store, const struct signin_spec *spec,
                        int64_t deadline_ms, struct signin *signin, struct error *err)
{
        scoped(signin_clear) struct signin written = { 0 };
        char name[SIGNIN_NAME_SIZE];
        bool gone = false;

        signin_name(spec, name);
        json_auto_t *body = signin_encode(store->namespace_name, name, spec);
        for (;;) {
                bool tried_again = gone;

                if (apply_body(store, name, body, &written, err)) {
                        if (written.deletion_at == 0)
                                break;
                } else if (err->http_status != 422 ||
                           (!was_ending(store, name, &gone) && (!gone || tried_again))) {
                        return false;
                }
                if (!wait_for_end(store, name, deadline_ms, err))
                        return error_wrap(err, "waiting for the end of the old session");
        }
        signin_clear(signin);
        *signin = written;
        written = (struct signin){ 0 };
        return true;
}

bool signin_store_amend(struct signin_store *store, const struct signin *judged,
                        const struct signin_spec *spec, struct error *err)
{
        scoped(signin_clear) struct signin written = { 0 };
        json_auto_t *body = signin_encode(store->namespace_name, judged->name, spec);
        json_t *metadata = json_at(body, "metadata");
        struct error ignored = { 0 };

        json_object_set_new(metadata, "uid", json_string(judged->uid));
        json_object_set_new(metadata, "resourceVersion", json_string(judged->resource_version));
        if (apply_body(store, judged->name, body, &written, err))
                return true;
        if (err->kind == ERROR_CONFLICT)
                (void)!signin_store_refresh(store, judged->name, &ignored);
        return false;
}

bool signin_store_delete(struct signin_store *store, const struct signin *judged, struct error *err)
{
        scoped_free char *path =
                kube_path(signin_resource(), store->namespace_name, judged->name, NULL);
        scoped(signin_clear) struct signin ending = { 0 };
        json_auto_t *object = NULL;
        struct error ignored = { 0 };

        if (!kube_delete(store->kube, path, judged->uid, judged->resource_version, &object, err)) {
                if (err->kind == ERROR_CONFLICT)
                        (void)!signin_store_refresh(store, judged->name, &ignored);
                if (err->kind != ERROR_NOT_FOUND)
                        return false;
        }
        if (object != NULL && signin_store_read(object, &ending, &ignored) &&
            ending.deletion_at != 0)
                signin_store_accept(store, &ending, false);
        else
                signin_store_forget(store, judged->name, judged->uid);
        return true;
}

/* Only what the API server says of the object itself is a mistake of ours. That it does not know
 * us, our resource or our namespace comes and goes: just after its start, during a change of
 * rights. */
bool signin_store_explain(struct error *err, const char *doing)
{
        err->kind = err->kind == ERROR_INVALID || err->kind == ERROR_INTERNAL ? ERROR_INTERNAL
                                                                              : ERROR_UNAVAILABLE;
        err->http_status = 0;
        return error_wrap(err, "%s", doing);
}
