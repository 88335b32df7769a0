#include "operator/store.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/memory.h"

struct dependent_node {
        const char *uid; /* dependent.uid: first, so that both trees compare alike */
        struct dependent dependent;
        struct session *session;
        struct dependent_node **at; /* what points to it: a session can have any number of them */
        struct dependent_node *next;
};

struct store {
        char *session_namespace;
        void *sessions;   /* tree of struct session by uid */
        void *dependents; /* tree of struct dependent_node by uid */
        size_t dependent_count;
        int64_t left_out;
        void (*changed)(void *owner, struct session *session);
        void *owner;
};

_Static_assert(offsetof(struct session, uid) == 0, "the trees compare what stands first");

static int compare_uids(const void *left, const void *right)
{
        return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* What tfind() and tsearch() return points at the pointer that was put in. */
static void *found(void *node)
{
        return node == NULL ? NULL : *(void **)node;
}

struct store *store_new(const char *session_namespace,
                        void (*changed)(void *owner, struct session *session), void *owner)
{
        struct store *store = xcalloc(1, sizeof(*store));

        store->session_namespace = xstrdup(session_namespace);
        store->changed = changed;
        store->owner = owner;
        return store;
}

static void free_node(void *pointer)
{
        struct dependent_node *node = pointer;

        dependent_clear(&node->dependent);
        free(node);
}

static void free_session(void *pointer)
{
        struct session *session = pointer;

        signin_clear(&session->signin);
        free(session->uid);
        free(session);
}

void store_free(struct store *store)
{
        if (store == NULL)
                return;
        tdestroy(store->dependents, free_node);
        tdestroy(store->sessions, free_session);
        free(store->session_namespace);
        free(store);
}

struct session *store_find(const struct store *store, const char *uid)
{
        return found(tfind((const void *)&uid, &store->sessions, compare_uids));
}

static struct dependent_node *find_node(const struct store *store, const char *uid)
{
        return found(tfind((const void *)&uid, &store->dependents, compare_uids));
}

static struct session *find_or_add(struct store *store, const char *uid)
{
        struct session *session = store_find(store, uid);

        if (session != NULL)
                return session;
        session = xcalloc(1, sizeof(*session));
        session->uid = xstrdup(uid);
        session->item.owner = session;
        session->end.owner = session;
        if (tsearch(session, &store->sessions, compare_uids) == NULL)
                abort();
        return session;
}

static bool is_news(const char *known, const char *version)
{
        if (known == NULL)
                return true;
        return version == NULL ||
               (strcmp(known, version) != 0 && !kube_version_is_older(version, known));
}

static size_t find_finalizer(const json_t *object)
{
        const json_t *finalizers = json_at(object, "metadata.finalizers");
        size_t count = json_array_size(finalizers);

        for (size_t i = 0; i < count; i++) {
                const char *text = json_string_value(json_array_get(finalizers, i));

                if (text != NULL && strcmp(text, SIGNIN_FINALIZER) == 0)
                        return i;
        }
        return 0;
}

bool store_put_signin(struct store *store, const json_t *object, struct error *err)
{
        scoped(signin_clear) struct signin signin = { 0 };

        if (!signin_decode(object, &signin, err) && !signin_decode_head(object, &signin, err))
                return false;
        if (signin.uid == NULL || signin.namespace_name == NULL ||
            strcmp(signin.namespace_name, store->session_namespace) != 0)
                return error_set(err, ERROR_INVALID,
                                 "TkaSignin %s: it has no uid, or another namespace than %s",
                                 signin.name, store->session_namespace);

        struct session *session = find_or_add(store, signin.uid);
        if (session->gone ||
            (session->known && !is_news(session->signin.resource_version, signin.resource_version)))
                return true;
        signin_clear(&session->signin);
        session->signin = signin;
        signin = (struct signin){ 0 };
        session->finalizer_index = find_finalizer(object);
        session->known = true;
        store->changed(store->owner, session);
        return true;
}

void store_drop_signin(struct store *store, const char *uid)
{
        struct session *session = store_find(store, uid);

        if (session == NULL || session->told)
                return;
        session->told = true;
        session->gone = true;
        store->changed(store->owner, session);
}

void store_miss_signin(struct store *store, struct session *session)
{
        if (session->gone)
                return;
        session->gone = true;
        store->changed(store->owner, session);
}

void store_finish(struct session *session)
{
        session->signin.has_finalizer = false;
}

static void unlink_node(struct dependent_node *node)
{
        *node->at = node->next;
        if (node->next != NULL)
                node->next->at = node->at;
}

static void link_node(struct dependent_node *node, struct session *session)
{
        node->session = session;
        node->at = &session->dependents;
        node->next = session->dependents;
        if (node->next != NULL)
                node->next->at = &node->next;
        session->dependents = node;
}

static struct dependent_node *find_or_add_node(struct store *store, const struct dependent *wanted,
                                               struct session *session)
{
        struct dependent_node *node = find_node(store, wanted->uid);

        if (node != NULL)
                return node;
        node = xcalloc(1, sizeof(*node));
        dependent_copy(&node->dependent, wanted);
        node->uid = node->dependent.uid;
        link_node(node, session);
        if (tsearch(node, &store->dependents, compare_uids) == NULL)
                abort();
        store->dependent_count++;
        store->changed(store->owner, session);
        return node;
}

/* Its label may name another session than before: somebody edited it. */
static void move_node(struct store *store, struct dependent_node *node, struct session *session)
{
        struct session *before = node->session;

        unlink_node(node);
        link_node(node, session);
        store->changed(store->owner, session);
        if (before != session)
                store->changed(store->owner, before);
}

static void replace(struct dependent_node *node, struct dependent *dependent)
{
        dependent_clear(&node->dependent);
        node->dependent = *dependent;
        *dependent = (struct dependent){ 0 };
}

bool store_has_dependent(const struct store *store, const char *uid)
{
        return find_node(store, uid) != NULL;
}

int64_t store_left_out(const struct store *store)
{
        return store->left_out;
}

static bool has_room_for(const struct store *store, const struct dependent *dependent)
{
        if (store->dependent_count < STORE_DEPENDENTS_MAX || find_node(store, dependent->uid))
                return true;

        const struct session *session = store_find(store, dependent->signin_uid);
        if (session == NULL || !session->known)
                return false;
        scoped_free char *binding_name = dependent_binding_name(&session->signin);
        return dependent_is_own(dependent, &session->signin, binding_name);
}

bool store_put_dependent(struct store *store, enum dependent_kind kind, const json_t *object,
                         struct error *err)
{
        scoped(dependent_clear) struct dependent dependent = { 0 };

        if (!dependent_decode(kind, object, store->session_namespace, &dependent, err))
                return false;
        if (dependent.foreign && store_find(store, dependent.signin_uid) == NULL)
                return true;
        if (!has_room_for(store, &dependent)) {
                store->left_out++;
                return true;
        }

        struct session *session = find_or_add(store, dependent.signin_uid);
        struct dependent_node *node = find_or_add_node(store, &dependent, session);
        if (!is_news(node->dependent.resource_version, dependent.resource_version))
                return true;
        /* The tree's key is the old copy of the very same uid: swap it for the new one. */
        replace(node, &dependent);
        node->uid = node->dependent.uid;
        move_node(store, node, session);
        return true;
}

void store_drop_dependent(struct store *store, const char *uid)
{
        struct dependent_node *node = find_node(store, uid);

        if (node == NULL)
                return;

        struct session *session = node->session;
        tdelete(node, &store->dependents, compare_uids);
        store->dependent_count--;
        unlink_node(node);
        free_node(node);
        store->changed(store->owner, session);
}

/* What a plan can be about: ours, and of what others labelled no more than one plan deletes. There
 * may be any number of those, and what is ending already needs no plan. */
static bool is_of_interest(const struct session *session, const char *binding_name,
                           const struct dependent *dependent, size_t *strangers)
{
        if (session->known && dependent_is_own(dependent, &session->signin, binding_name))
                return true;
        return !dependent->ending && (*strangers)++ < PLAN_STRANGERS;
}

static void observe_dependent(const struct dependent *dependent, struct observed *observed)
{
        size_t size = (observed->dependent_count + 1) * sizeof(*observed->dependents);

        observed->dependents = xrealloc(observed->dependents, size);
        dependent_copy(&observed->dependents[observed->dependent_count++], dependent);
}

/* Rights first: of strangers too, they are what must not be left out. */
static void observe_dependents(const struct session *session, struct observed *observed)
{
        scoped_free char *binding_name =
                session->known ? dependent_binding_name(&session->signin) : NULL;
        size_t strangers = 0;

        for (int accounts = 0; accounts < 2; accounts++)
                for (struct dependent_node *node = session->dependents; node; node = node->next)
                        if ((node->dependent.kind == DEPENDENT_SERVICE_ACCOUNT) == accounts &&
                            is_of_interest(session, binding_name, &node->dependent, &strangers))
                                observe_dependent(&node->dependent, observed);
}

void store_observe(const struct session *session, struct observed *observed)
{
        observed_clear(observed);
        observed->known = session->known;
        observed->gone = session->gone;
        signin_copy(&observed->signin, &session->signin);
        observed->finalizer_index = session->finalizer_index;
        observed->unbound = session->unbound;
        observe_dependents(session, observed);
}

bool session_has_binding(const struct session *session)
{
        const struct signin *signin = session->known ? &session->signin : NULL;

        for (struct dependent_node *node = session->dependents; node; node = node->next)
                if (dependent_is_right(&node->dependent, signin, session->gone))
                        return true;
        return false;
}

bool session_is_over(const struct session *session, int64_t now)
{
        struct error err = { 0 };
        int64_t ends_at = 0;

        if (session->gone || session->signin.deletion_at != 0)
                return true;
        return session->known && signin_ends_at(&session->signin, &ends_at, &err) && now >= ends_at;
}

int64_t session_ends_at(const struct session *session, int64_t now)
{
        struct error err = { 0 };
        int64_t ends_at = 0;

        if (!session->known || session_is_over(session, now) ||
            !signin_ends_at(&session->signin, &ends_at, &err))
                return 0;
        return ends_at;
}

bool session_is_done(const struct session *session)
{
        return (session->told || !session->known) && session->dependents == NULL;
}

void store_forget(struct store *store, struct session *session)
{
        tdelete(session, &store->sessions, compare_uids);
        free_session(session);
}

struct visit {
        void (*visit)(void *owner, const struct session *session);
        void *owner;
};

static void visit_node(const void *node, VISIT when, void *closure)
{
        const struct visit *visit = closure;

        if (when == postorder || when == leaf)
                visit->visit(visit->owner, *(const struct session *const *)node);
}

void store_each(const struct store *store,
                void (*visit)(void *owner, const struct session *session), void *owner)
{
        struct visit closure = { visit, owner };

        twalk_r(store->sessions, visit_node, &closure);
}
