#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/json.h"
#include "lib/memory.h"
#include "operator/store.h"

static size_t changes;

static void note_change(void *owner, struct session *session)
{
        (void)owner;
        assert_non_null(session);
        changes++;
}

static void scoped_store_free(struct store **store)
{
        store_free(*store);
}

static struct store *new_store(void)
{
        changes = 0;
        return store_new("tka", note_change, NULL);
}

static json_t *new_signin(const char *uid, const char *version, const char *period)
{
        return json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:[s, s]}, s:{s:s, s:s, s:s}}", "metadata",
                         "name", "x", "namespace", "tka", "uid", uid, "resourceVersion", version,
                         "creationTimestamp", "2026-01-01T00:00:00Z", "finalizers", "other.org/f",
                         SIGNIN_FINALIZER, "spec", "username", "alice@example.com", "role", "view",
                         "validity_period", period);
}

static json_t *new_account(const char *uid, const char *version, const char *signin_uid)
{
        return json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s}}}", "metadata", "name", "x", "namespace",
                         "tka", "uid", uid, "resourceVersion", version, "labels", SIGNIN_UID_LABEL,
                         signin_uid);
}

static void put_signin(struct store *store, const char *uid, const char *version,
                       const char *period)
{
        struct error err = { 0 };
        json_auto_t *object = new_signin(uid, version, period);

        assert_ok(store_put_signin(store, object, &err));
}

static void put_account(struct store *store, const char *uid, const char *version,
                        const char *signin_uid)
{
        struct error err = { 0 };
        json_auto_t *object = new_account(uid, version, signin_uid);

        assert_ok(store_put_dependent(store, DEPENDENT_SERVICE_ACCOUNT, object, &err));
}

TEST(ignores_a_watch_that_is_behind_our_own_write)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "2h");
        put_signin(store, "u1", "9", "1h");
        put_signin(store, "u1", "10", "1h");

        assert_int_equal(changes, 1);
        assert_string_equal(store_find(store, "u1")->signin.spec.validity_period, "2h");
        assert_int_equal(store_find(store, "u1")->finalizer_index, 1);
}

TEST(keeps_sessions_of_one_name_apart_by_their_uid)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        put_signin(store, "u2", "11", "1h");
        store_drop_signin(store, "u1");

        assert_true(store_find(store, "u1")->gone);
        assert_false(store_find(store, "u2")->gone);
}

TEST(does_not_revive_what_is_gone)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        store_drop_signin(store, "u1");
        put_signin(store, "u1", "12", "1h");

        assert_true(store_find(store, "u1")->gone);
        assert_true(session_is_done(store_find(store, "u1")));
}

TEST(remembers_what_was_made_before_its_session_is_known)
{
        scoped(scoped_store_free) struct store *store = new_store();
        scoped(observed_clear) struct observed observed = { 0 };

        put_account(store, "a1", "5", "u1");
        put_signin(store, "u1", "10", "1h");
        store_observe(store_find(store, "u1"), &observed);

        assert_true(observed.known);
        assert_int_equal(observed.dependent_count, 1);
        assert_string_equal(observed.dependents[0].uid, "a1");
}

static void put_binding(struct store *store, const char *uid, const char *signin_uid,
                        const char *subject_namespace)
{
        struct error err = { 0 };
        json_auto_t *object = json_pack(
                "{s:{s:s, s:s, s:s, s:{s:s}}, s:[{s:s, s:s, s:s}]}", "metadata", "name", "x", "uid",
                uid, "resourceVersion", "5", "labels", SIGNIN_UID_LABEL, signin_uid, "subjects",
                "kind", "ServiceAccount", "name", "x", "namespace", subject_namespace);

        assert_ok(store_put_dependent(store, DEPENDENT_CLUSTER_BINDING, object, &err));
}

TEST(leaves_bindings_of_another_tka_in_the_cluster_alone)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_binding(store, "b1", "u1", "tka-other");
        assert_null(store_find(store, "u1"));
        put_binding(store, "b2", "u2", "tka");
        assert_non_null(store_find(store, "u2"));
}

TEST(sees_a_binding_of_a_known_session_that_was_turned_to_somebody_else)
{
        scoped(scoped_store_free) struct store *store = new_store();
        scoped(observed_clear) struct observed observed = { 0 };

        put_signin(store, "u1", "10", "1h");
        put_binding(store, "b1", "u1", "kube-system");
        store_observe(store_find(store, "u1"), &observed);
        assert_int_equal(observed.dependent_count, 1);
}

/* A binding of somebody, and whether its end was asked for. */
static void put_stranger(struct store *store, int number, bool ending)
{
        struct error err = { 0 };
        scoped_free char *uid = xasprintf("s%d", number);
        json_auto_t *object = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s}}}", "metadata", "name",
                                        "stranger", "namespace", "default", "uid", uid,
                                        "resourceVersion", "5", "labels", SIGNIN_UID_LABEL, "u1");

        if (ending)
                json_object_set_new(json_object_get(object, "metadata"), "deletionTimestamp",
                                    json_string("2026-01-01T00:00:00Z"));
        assert_ok(store_put_dependent(store, DEPENDENT_BINDING, object, &err));
}

static bool has_binding(const struct store *store, const char *uid)
{
        return session_has_binding(store_find(store, uid));
}

/* A binding whose name is its uid too. */
static void put_named(struct store *store, const char *name, const char *version,
                      const char *signin_uid, bool ending)
{
        struct error err = { 0 };
        json_auto_t *object = json_pack("{s:{s:s, s:s, s:s, s:s*, s:{s:s}}}", "metadata", "name",
                                        name, "uid", name, "resourceVersion", version,
                                        "deletionTimestamp", ending ? "2026-01-01T00:00:00Z" : NULL,
                                        "labels", SIGNIN_UID_LABEL, signin_uid);

        assert_ok(store_put_dependent(store, DEPENDENT_CLUSTER_BINDING, object, &err));
}

TEST(takes_no_binding_of_a_stranger_for_a_right_of_the_session)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        put_account(store, "a1", "5", "u1");
        put_stranger(store, 1, false);
        put_stranger(store, 2, true);
        assert_false(has_binding(store, "u1"));
        put_named(store, "x.tka", "5", "u1", true);
        assert_true(has_binding(store, "u1")); /* held: it gives the right still */
        store_drop_signin(store, "u1");
        assert_false(has_binding(store, "u1"));
        store_drop_dependent(store, "x.tka");
        put_named(store, "x.tka", "6", "u1", false);
        assert_true(has_binding(store, "u1"));
}

TEST(takes_a_binding_whose_session_is_not_there_for_a_right_until_it_was_deleted)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_account(store, "a2", "5", "u2");
        assert_false(has_binding(store, "u2"));
        put_named(store, "y.tka", "6", "u2", false);
        assert_true(has_binding(store, "u2"));
        put_named(store, "y.tka", "7", "u2", true);
        assert_false(has_binding(store, "u2"));
}

TEST(shows_a_plan_all_that_is_ours_and_so_many_strangers_as_it_takes)
{
        scoped(scoped_store_free) struct store *store = new_store();
        scoped(observed_clear) struct observed observed = { 0 };

        put_signin(store, "u1", "10", "1h");
        put_account(store, "a1", "5", "u1");
        for (int i = 0; i < 1000; i++)
                put_stranger(store, i, i % 2 == 0);
        store_observe(store_find(store, "u1"), &observed);

        assert_int_equal(observed.dependent_count, PLAN_STRANGERS + 1);
        for (size_t i = 0; i < PLAN_STRANGERS; i++)
                assert_false(observed.dependents[i].ending);
        assert_string_equal(observed.dependents[PLAN_STRANGERS].uid, "a1");
}

TEST(forgets_each_of_many_dependents_wherever_it_stands)
{
        scoped(scoped_store_free) struct store *store = new_store();
        scoped(observed_clear) struct observed observed = { 0 };

        put_signin(store, "u1", "10", "1h");
        for (int i = 0; i < 4; i++)
                put_stranger(store, i, false);
        store_drop_dependent(store, "s1"); /* the middle, the oldest, the newest */
        store_drop_dependent(store, "s0");
        store_drop_dependent(store, "s3");
        store_observe(store_find(store, "u1"), &observed);
        assert_int_equal(observed.dependent_count, 1);
        assert_string_equal(observed.dependents[0].uid, "s2");
        store_drop_dependent(store, "s2");
        assert_null(store_find(store, "u1")->dependents);
}

TEST(moves_what_was_given_to_another_session)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        put_account(store, "a1", "5", "u1");
        put_account(store, "a1", "6", "u2");

        assert_null(store_find(store, "u1")->dependents);
        assert_non_null(store_find(store, "u2")->dependents);
}

TEST(forgets_a_session_once_nothing_of_it_is_left)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        put_account(store, "a1", "5", "u1");
        store_drop_signin(store, "u1");
        assert_false(session_is_done(store_find(store, "u1")));
        store_drop_dependent(store, "a1");
        assert_true(session_is_done(store_find(store, "u1")));
        store_forget(store, store_find(store, "u1"));

        assert_null(store_find(store, "u1"));
        store_drop_dependent(store, "a1");
        store_drop_signin(store, "u1");
}

/* 2026-01-01T00:00:00Z, and an hour later: new_signin()'s. */
#define BEGIN INT64_C(1767225600)
#define END (BEGIN + 3600)

TEST(knows_when_a_session_will_be_over)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        struct session *session = store_find(store, "u1");
        assert_int_equal(session_ends_at(session, END - 1), END);
        assert_int_equal(session_ends_at(session, END), 0);
        session->signin.deletion_at = BEGIN;
        assert_int_equal(session_ends_at(session, BEGIN), 0);

        put_account(store, "a2", "5", "u2");
        assert_int_equal(session_ends_at(store_find(store, "u2"), BEGIN), 0);
        put_signin(store, "u3", "10", "soon");
        assert_int_equal(session_ends_at(store_find(store, "u3"), BEGIN), 0);
}

TEST(remembers_a_session_that_is_gone_until_the_watch_has_told_so)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        struct session *session = store_find(store, "u1");
        store_miss_signin(store, session);
        assert_true(session->gone);
        assert_false(session_is_done(session));
        put_signin(store, "u1", "11", "1h"); /* of a watch that is behind */
        assert_true(session->gone);
        store_drop_signin(store, "u1");
        assert_true(session_is_done(session));
}

TEST(takes_what_cannot_be_read_any_more_for_a_session_without_a_spec)
{
        scoped(scoped_store_free) struct store *store = new_store();
        struct error err = { 0 };
        json_auto_t *object = new_signin("u1", "11", "1h");

        put_signin(store, "u1", "10", "1h");
        json_object_set_new(json_object_get(object, "spec"), "role", json_integer(7));
        assert_ok(store_put_signin(store, object, &err));

        const struct session *session = store_find(store, "u1");
        assert_true(session->known);
        assert_string_equal(session->signin.resource_version, "11");
        assert_null(session->signin.spec.username);
        assert_int_equal(session_ends_at(session, BEGIN), 0);
}

TEST(refuses_a_session_of_another_namespace)
{
        scoped(scoped_store_free) struct store *store = new_store();
        struct error err = { 0 };
        json_auto_t *object = new_signin("u1", "10", "1h");

        json_object_set_new(json_object_get(object, "metadata"), "namespace",
                            json_string("default"));
        assert_fails(store_put_signin(store, object, &err), ERROR_INVALID, "namespace");
        assert_null(store_find(store, "u1"));
}

static void put_labelled(struct store *store, const char *name, size_t number,
                         const char *signin_uid)
{
        struct error err = { 0 };
        char uid[24];
        snprintf(uid, sizeof(uid), "%s-%zu", name, number);
        json_auto_t *object = json_pack("{s:{s:s, s:s, s:s, s:s, s:{s:s}}}", "metadata", "name",
                                        name, "namespace", "tka", "uid", uid, "resourceVersion",
                                        "5", "labels", SIGNIN_UID_LABEL, signin_uid);

        assert_ok(store_put_dependent(store, DEPENDENT_SERVICE_ACCOUNT, object, &err));
}

static void drop_labelled(struct store *store, const char *name, size_t number)
{
        char uid[24];

        snprintf(uid, sizeof(uid), "%s-%zu", name, number);
        store_drop_dependent(store, uid);
}

TEST(takes_in_no_more_than_a_bound_but_what_a_session_has_of_its_own)
{
        scoped(scoped_store_free) struct store *store = new_store();

        put_signin(store, "u1", "10", "1h");
        for (size_t i = 0; i < STORE_DEPENDENTS_MAX; i++)
                put_labelled(store, "stranger", i, "u1");
        assert_int_equal(store_left_out(store), 0);

        put_labelled(store, "stranger", STORE_DEPENDENTS_MAX, "u1");
        put_labelled(store, "x", 0, "u2");
        put_labelled(store, "x", 1, "u1");
        put_labelled(store, "stranger", 7, "u1");

        assert_false(store_has_dependent(store, "stranger-40000"));
        assert_null(store_find(store, "u2"));
        assert_false(store_has_dependent(store, "x-0"));
        assert_true(store_has_dependent(store, "x-1"));
        assert_true(store_has_dependent(store, "stranger-7"));
        assert_int_equal(store_left_out(store), 2);

        for (size_t i = 0; i < 2; i++)
                drop_labelled(store, "stranger", i);
        put_labelled(store, "stranger", 0, "u1");
        assert_true(store_has_dependent(store, "stranger-0"));
}
