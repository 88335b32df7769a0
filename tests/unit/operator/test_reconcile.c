#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "lib/timestamp.h"
#include "operator/reconcile.h"

#define BEGIN INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define HOUR INT64_C(3600)

/* What is varied, in one letter each:
 *   A an account as made   a an account that mounts its token
 *   B a binding as made    b one of another role     o one under another name
 *   n, m RoleBindings in the namespaces "n", "m"      e the binding held by a finalizer */
static struct dependent new_dependent(char letter, const struct signin *signin)
{
        bool account = letter == 'A' || letter == 'a';
        bool namespaced = letter == 'n' || letter == 'm';
        struct dependent dependent = {
                .kind = account      ? DEPENDENT_SERVICE_ACCOUNT
                        : namespaced ? DEPENDENT_BINDING
                                     : DEPENDENT_CLUSTER_BINDING,
                .plain = letter != 'a',
                .ending = letter == 'e',
                .namespace_name =
                        account ? xstrdup("tka") : xasprintf("%.*s", namespaced ? 1 : 0, &letter),
                .name = account         ? xstrdup(signin->name)
                        : letter == 'o' ? xstrdup("other")
                                        : dependent_binding_name(signin),
                .uid = xasprintf("uid-%c", letter),
                .resource_version = xstrdup("1"),
                .signin_uid = xstrdup(signin->uid),
                .role = xstrdup(letter == 'b' ? "cluster-admin" : "view"),
                .subject = xstrdup(signin->name),
        };

        return dependent;
}

static void add_dependents(struct observed *observed, const char *letters)
{
        observed->dependents = xcalloc(strlen(letters) + 1, sizeof(*observed->dependents));
        for (; *letters != '\0'; letters++)
                observed->dependents[observed->dependent_count++] =
                        new_dependent(*letters, &observed->signin);
}

/* A session of one hour, provisioned nothing yet. */
static void observe(struct observed *observed, const char *role, const char *namespaces)
{
        struct signin *signin = &observed->signin;
        char name[SIGNIN_NAME_SIZE];

        observed->known = true;
        observed->role = ROLE_EXISTS;
        signin->namespace_name = xstrdup("tka");
        signin->uid = xstrdup("uid-1");
        signin->resource_version = xstrdup("1");
        signin->generation = 1;
        signin->created_at = BEGIN;
        signin->has_finalizer = true;
        signin->spec.username = xstrdup("alice@example.com");
        signin->spec.role = xstrdup(role);
        signin->spec.validity_period = xstrdup("1h");
        signin->spec.requested_at = xstrdup("2026-01-01T00:00:00Z");
        for (; *namespaces != '\0'; namespaces++)
                text_list_add(&signin->spec.namespaces, (const char[]){ *namespaces, '\0' });
        signin->name = xstrdup(signin_name(&signin->spec, name));
}

static void set(char **text, const char *value)
{
        free(*text);
        *text = xstrdup(value);
}

static void decide(const struct observed *observed, int64_t now, struct plan *plan)
{
        char view[] = "view";
        char edit[] = "edit";
        char *roles[] = { view, edit };
        const struct text_list list = { roles, ARRAY_LENGTH(roles) };
        const struct rules rules = { &list, 60, 24 * HOUR };

        reconcile(observed, &rules, now, plan);
}

static void describe_object(const struct action *action, struct buf *text)
{
        buf_printf(text, " %s", dependent_kind_name(action->what));
        if (action->what == DEPENDENT_BINDING && action->namespace_name != NULL)
                buf_printf(text, " %s", action->namespace_name);
}

/* "create ServiceAccount, delete RoleBinding n uid-n, status RoleNotFound" */
static void describe(const struct plan *plan, struct buf *text)
{
        static const struct {
                const char *word;
                bool names_object;
        } kinds[] = {
                [ACTION_READ_ROLE] = { "read role", false },
                [ACTION_CREATE] = { "create",    true  },
                [ACTION_DELETE] = { "delete",    true  },
                [ACTION_FIND] = { "find",      true  },
                [ACTION_UNBOUND] = { "unbound",   false },
                [ACTION_WRITE_STATUS] = { "status",    false },
                [ACTION_END] = { "end",       false },
                [ACTION_FINISH] = { "finish",    false },
        };

        for (size_t i = 0; i < plan->count; i++) {
                const struct action *action = &plan->actions[i];

                buf_printf(text, "%s%s", i == 0 ? "" : ", ", kinds[action->kind].word);
                if (kinds[action->kind].names_object)
                        describe_object(action, text);
                if (action->uid != NULL)
                        buf_printf(text, " %s", action->uid);
                if (action->kind == ACTION_WRITE_STATUS)
                        buf_printf(text, " %s", plan->status.ready_reason);
        }
}

static void assert_described(const struct plan *plan, const char *wanted)
{
        scoped(buf_clear) struct buf text = { 0 };

        describe(plan, &text);
        assert_string_equal(buf_text(&text), wanted);
}

static void assert_plan(const struct observed *observed, int64_t now, const char *wanted)
{
        scoped(plan_clear) struct plan plan = { 0 };

        decide(observed, now, &plan);
        assert_described(&plan, wanted);
}

TEST(provisions_step_by_step)
{
        static const struct {
                const char *have, *namespaces, *wanted;
        } cases[] = {
                { "",    "",   "create ServiceAccount, create ClusterRoleBinding"                  },
                { "A",   "",   "create ClusterRoleBinding"                                         },
                { "B",   "",   "create ServiceAccount"                                             },
                { "AB",  "",   "status Provisioned"                                                },
                { "",    "nm", "create ServiceAccount, create RoleBinding n, create RoleBinding m" },
                { "An",  "nm", "create RoleBinding m"                                              },
                { "Anm", "nm", "status Provisioned"                                                },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(observed_clear) struct observed observed = { 0 };

                observe(&observed, "view", cases[i].namespaces);
                add_dependents(&observed, cases[i].have);
                assert_plan(&observed, BEGIN, cases[i].wanted);
        }
}

TEST(takes_away_what_was_edited_before_it_makes_anything)
{
        static const struct {
                const char *have, *namespaces, *wanted;
        } cases[] = {
                { "Ab", "", "delete ClusterRoleBinding uid-b" },
                { "aB", "", "delete ServiceAccount uid-a"     },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(observed_clear) struct observed observed = { 0 };

                observe(&observed, "view", cases[i].namespaces);
                add_dependents(&observed, cases[i].have);
                assert_plan(&observed, BEGIN, cases[i].wanted);
        }
}

TEST(takes_away_what_is_labelled_only_and_goes_on)
{
        static const struct {
                const char *have, *namespaces, *wanted;
        } cases[] = {
                { "ABo", "",  "delete ClusterRoleBinding uid-o, status Provisioned"        },
                { "ABn", "",  "delete RoleBinding n uid-n, status Provisioned"             },
                { "Anm", "n", "delete RoleBinding m uid-m, status Provisioned"             },
                { "Ao",  "",  "delete ClusterRoleBinding uid-o, create ClusterRoleBinding" },
                { "Abo", "",  "delete ClusterRoleBinding uid-b"                            },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(observed_clear) struct observed observed = { 0 };

                observe(&observed, "view", cases[i].namespaces);
                add_dependents(&observed, cases[i].have);
                assert_plan(&observed, BEGIN, cases[i].wanted);
        }
}

TEST(asks_for_the_role_also_when_others_are_labelled)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        add_dependents(&observed, "Ao");
        observed.role = ROLE_UNKNOWN;
        assert_plan(&observed, BEGIN, "delete ClusterRoleBinding uid-o, read role");
        observed.role = ROLE_MISSING;
        assert_plan(&observed, BEGIN, "delete ClusterRoleBinding uid-o, status RoleNotFound");
}

TEST(does_not_take_a_binding_that_is_being_deleted_for_one)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        add_dependents(&observed, "Ae");
        assert_plan(&observed, BEGIN, "create ClusterRoleBinding");
}

TEST(asks_for_the_role_before_it_binds_it)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        observed.role = ROLE_UNKNOWN;
        assert_plan(&observed, BEGIN, "read role");
}

TEST(needs_no_role_for_what_is_bound_already)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        observed.role = ROLE_UNKNOWN;
        add_dependents(&observed, "AB");
        assert_plan(&observed, BEGIN, "status Provisioned");
}

TEST(says_when_it_ends_and_who_it_is)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };

        observe(&observed, "view", "");
        add_dependents(&observed, "AB");
        decide(&observed, BEGIN + 7, &plan);

        assert_true(plan.status.provisioned);
        assert_string_equal(plan.status.signed_in, "2026-01-01T00:00:00Z");
        assert_string_equal(plan.status.valid_until, "2026-01-01T01:00:00Z");
        assert_string_equal(plan.status.service_account_uid, "uid-A");
        assert_string_equal(plan.status.ready, "True");
        assert_string_equal(plan.status.ready_changed_at, "2026-01-01T00:00:07Z");
        assert_int_equal(plan.status.observed_generation, 1);
        assert_int_equal(plan.due_at, BEGIN + HOUR);
}

TEST(counts_from_the_creation_when_no_time_was_given)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };

        observe(&observed, "view", "");
        set(&observed.signin.spec.requested_at, NULL);
        decide(&observed, BEGIN, &plan);
        assert_int_equal(plan.due_at, BEGIN + HOUR);
}

/* Takes the planned status over, as the API server would. */
static void settle(struct observed *observed, int64_t now)
{
        scoped(plan_clear) struct plan plan = { 0 };

        decide(observed, now, &plan);
        signin_status_clear(&observed->signin.status);
        observed->signin.status = plan.status;
        plan.status = (struct signin_status){ 0 };
}

TEST(does_nothing_to_a_session_that_is_as_it_should_be)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        add_dependents(&observed, "AB");
        settle(&observed, BEGIN);
        assert_plan(&observed, BEGIN + 1000, "");
}

TEST(moves_the_end_when_a_session_is_extended)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };

        observe(&observed, "view", "");
        add_dependents(&observed, "AB");
        settle(&observed, BEGIN);
        set(&observed.signin.spec.requested_at, "2026-01-01T00:30:00Z");
        observed.signin.generation = 2;
        decide(&observed, BEGIN + HOUR / 2, &plan);

        assert_described(&plan, "status Provisioned");
        assert_string_equal(plan.status.valid_until, "2026-01-01T01:30:00Z");
        assert_string_equal(plan.status.ready_changed_at, "2026-01-01T00:00:00Z");
        assert_int_equal(plan.due_at, BEGIN + HOUR * 3 / 2);
}

TEST(ends_a_session_at_its_last_second_and_not_before)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        add_dependents(&observed, "AB");
        assert_plan(&observed, BEGIN + HOUR - 1, "status Provisioned");
        assert_plan(&observed, BEGIN + HOUR, "end");
        assert_plan(&observed, BEGIN + HOUR * 1000, "end");
}

TEST(takes_rights_before_it_ends_what_would_vanish_at_once)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        observed.signin.has_finalizer = false;
        add_dependents(&observed, "AB");
        assert_plan(&observed, BEGIN + HOUR,
                    "delete ClusterRoleBinding uid-B, delete ServiceAccount uid-A, end");
}

TEST(tears_down_bindings_then_the_account_then_the_finalizer)
{
        static const struct {
                const char *have, *namespaces, *wanted;
        } cases[] = {
                { "AB",  "",
                 "delete ClusterRoleBinding uid-B, unbound, delete ServiceAccount uid-A, finish"   },
                { "",    "",   "delete ClusterRoleBinding, unbound, delete ServiceAccount, finish" },
                { "A",   "",
                 "delete ClusterRoleBinding, unbound, delete ServiceAccount uid-A, finish"         },
                { "An",  "nm",
                 "delete RoleBinding n uid-n, delete RoleBinding m, find RoleBinding, "
                  "unbound, delete ServiceAccount uid-A, finish"                                   },
                { "ABn", "",
                 "delete ClusterRoleBinding uid-B, unbound, delete ServiceAccount uid-A, "
                  "delete RoleBinding n uid-n, finish"                                             },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(observed_clear) struct observed observed = { 0 };

                observe(&observed, "view", cases[i].namespaces);
                observed.signin.deletion_at = BEGIN + 5;
                add_dependents(&observed, cases[i].have);
                assert_plan(&observed, BEGIN + 5, cases[i].wanted);
        }
}

TEST(looks_for_no_binding_twice)
{
        static const struct {
                const char *have, *wanted;
        } cases[] = {
                { "A",  "delete ServiceAccount uid-A, finish"                                  },
                { "",   "delete ServiceAccount, finish"                                        },
                { "AB", "delete ClusterRoleBinding uid-B, delete ServiceAccount uid-A, finish" },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(observed_clear) struct observed observed = { 0 };

                observe(&observed, "view", "");
                observed.signin.deletion_at = BEGIN + 5;
                observed.unbound = true;
                add_dependents(&observed, cases[i].have);
                assert_plan(&observed, BEGIN + 5, cases[i].wanted);
        }
}

TEST(has_nothing_left_to_do_once_the_finalizer_is_off)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        observed.signin.deletion_at = BEGIN + 5;
        observed.signin.has_finalizer = false;
        assert_plan(&observed, BEGIN + 5, "");
}

TEST(never_looks_for_a_strangers_name_to_delete)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        set(&observed.signin.name, "cluster-admin");
        observed.signin.deletion_at = BEGIN + 5;
        assert_plan(&observed, BEGIN + 5,
                    "find ClusterRoleBinding, find RoleBinding, unbound, finish");
}

TEST(takes_everything_of_a_session_that_vanished)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        observed.gone = true;
        add_dependents(&observed, "AB");
        assert_plan(&observed, BEGIN,
                    "delete ClusterRoleBinding uid-B, delete ServiceAccount uid-A");
}

TEST(leaves_alone_what_belongs_to_a_session_not_seen_yet)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        observed.known = false;
        add_dependents(&observed, "AB");
        assert_plan(&observed, BEGIN + HOUR, "");
}

/* What makes a session impossible, and the word for it. */
static void break_name(struct signin *signin)
{
        set(&signin->name, "tka-user-alice-0000000000000000");
}

static void break_long(struct signin *signin)
{
        set(&signin->spec.validity_period, "24h1s");
}

static void break_short(struct signin *signin)
{
        set(&signin->spec.validity_period, "59s");
}

static void break_text(struct signin *signin)
{
        set(&signin->spec.validity_period, "soon");
}

static void break_zero(struct signin *signin)
{
        set(&signin->spec.validity_period, "0s");
}

static void break_negative(struct signin *signin)
{
        set(&signin->spec.validity_period, "-1h");
}

static void break_future(struct signin *signin)
{
        set(&signin->spec.requested_at, "2026-01-01T00:01:01Z");
}

static void break_finalizer(struct signin *signin)
{
        signin->has_finalizer = false;
}

static void break_spec(struct signin *signin)
{
        signin_spec_clear(&signin->spec);
        signin->spec = (struct signin_spec){ 0 };
}

TEST(refuses_and_takes_away_what_was_given)
{
        static const struct {
                void (*spoil)(struct signin *signin);
                const char *status;
        } cases[] = {
                { break_spec,      "status Unreadable"        },
                { break_name,      "status NameMismatch"      },
                { break_long,      "status InvalidPeriod"     },
                { break_short,     "status InvalidPeriod"     },
                { break_text,      "status InvalidPeriod"     },
                { break_zero,      "status InvalidPeriod"     },
                { break_negative,  "status InvalidPeriod"     },
                { break_future,    "status RequestedInFuture" },
                { break_finalizer, "status FinalizerMissing"  },
        };
        char wanted[200];

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped(observed_clear) struct observed observed = { 0 };

                observe(&observed, "view", "");
                cases[i].spoil(&observed.signin);
                assert_plan(&observed, BEGIN, cases[i].status);
                add_dependents(&observed, "AB");
                snprintf(wanted, sizeof(wanted),
                         "delete ClusterRoleBinding uid-B, delete ServiceAccount uid-A, %s",
                         cases[i].status);
                assert_plan(&observed, BEGIN, wanted);
        }
}

TEST(finds_the_bindings_of_what_cannot_be_read_before_it_calls_it_unbound)
{
        static void (*const spoils[])(struct signin *signin) = { break_spec, break_name };
        static const struct {
                const char *have;
                bool unbound;
                const char *wanted;
        } cases[] = {
                { "",    false, "find ClusterRoleBinding, find RoleBinding, unbound, finish" },
                { "Anm", false,
                 "delete RoleBinding n uid-n, delete RoleBinding m uid-m, "
                  "find ClusterRoleBinding, find RoleBinding, unbound, "
                  "delete ServiceAccount uid-A, finish"                                      },
                { "AB",  false,
                 "delete ClusterRoleBinding uid-B, find ClusterRoleBinding, find RoleBinding, "
                  "unbound, delete ServiceAccount uid-A, finish"                             },
                { "A",   true,  "delete ServiceAccount uid-A, finish"                        },
                { "o",   false,
                 "find ClusterRoleBinding, find RoleBinding, unbound, "
                  "delete ClusterRoleBinding uid-o, finish"                                  },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases) * ARRAY_LENGTH(spoils); i++) {
                scoped(observed_clear) struct observed observed = { 0 };

                observe(&observed, "view", "nm");
                spoils[i / ARRAY_LENGTH(cases)](&observed.signin);
                add_dependents(&observed, cases[i % ARRAY_LENGTH(cases)].have);
                observed.signin.deletion_at = BEGIN;
                observed.unbound = cases[i % ARRAY_LENGTH(cases)].unbound;
                assert_plan(&observed, BEGIN, cases[i % ARRAY_LENGTH(cases)].wanted);
        }
}

TEST(takes_every_binding_of_its_name_from_what_cannot_be_read)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "nm");
        break_spec(&observed.signin);
        add_dependents(&observed, "Aonm");
        assert_plan(&observed, BEGIN,
                    "delete RoleBinding n uid-n, delete RoleBinding m uid-m, "
                    "delete ServiceAccount uid-A, delete ClusterRoleBinding uid-o, "
                    "status Unreadable");
}

TEST(refuses_a_role_that_is_not_listed)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "cluster-admin", "");
        assert_plan(&observed, BEGIN, "status RoleNotAllowed");
}

TEST(accepts_a_clock_that_is_a_minute_ahead)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        set(&observed.signin.spec.requested_at, "2026-01-01T00:01:00Z");
        assert_plan(&observed, BEGIN, "create ServiceAccount, create ClusterRoleBinding");
}

TEST(looks_again_when_the_future_has_come)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };

        observe(&observed, "view", "");
        set(&observed.signin.spec.requested_at, "2026-01-01T02:00:00Z");
        decide(&observed, BEGIN, &plan);
        assert_int_equal(plan.due_at, BEGIN + 2 * HOUR - 60);
}

TEST(never_ends_what_is_not_ours)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };

        observe(&observed, "view", "");
        set(&observed.signin.name, "alice");
        decide(&observed, BEGIN + 2 * HOUR, &plan);
        assert_described(&plan, "status NameMismatch");
        assert_int_equal(plan.due_at, 0);
}

TEST(waits_for_a_role_that_is_missing)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };

        observe(&observed, "edit", "");
        observed.role = ROLE_MISSING;
        decide(&observed, BEGIN, &plan);
        assert_described(&plan, "status RoleNotFound");
        assert_false(plan.status.provisioned);
        assert_true(plan.retry);
        assert_int_equal(plan.due_at, BEGIN + HOUR);
}

TEST(waits_for_a_namespace_that_is_missing)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };

        observe(&observed, "view", "nm");
        observed.missing_namespace = "m";
        add_dependents(&observed, "An");
        decide(&observed, BEGIN, &plan);
        assert_described(&plan, "status NamespaceNotFound");
        assert_non_null(strstr(plan.status.ready_message, "\"m\""));
        assert_true(plan.retry);
}

/* As many of them as nobody can put into one plan, and more; ours come last. */
#define CROWD (3UL * PLAN_ACTIONS)

static void add_crowd(struct observed *observed, bool ending)
{
        char letters[CROWD + 3] = { 0 };

        memset(letters, 'o', CROWD);
        letters[CROWD] = 'A';
        letters[CROWD + 1] = 'B';
        add_dependents(observed, letters);
        for (size_t i = 0; i < CROWD; i++)
                observed->dependents[i].ending = ending;
}

/* The plan without what is a stranger's, of which there are so many. */
static void assert_beside_strangers(const struct observed *observed, int64_t now, size_t strangers,
                                    const char *wanted)
{
        scoped(plan_clear) struct plan plan = { 0 };
        size_t kept = 0;

        decide(observed, now, &plan);
        for (size_t i = 0; i < plan.count; i++)
                if (!plan.actions[i].stranger)
                        plan.actions[kept++] = plan.actions[i];
        assert_int_equal(plan.count - kept, strangers);
        plan.count = kept;
        assert_described(&plan, wanted);
}

TEST(ends_however_many_others_are_labelled_and_whoever_holds_them)
{
        for (int ending = 0; ending < 2; ending++) {
                scoped(observed_clear) struct observed observed = { 0 };
                size_t strangers = ending ? 0 : PLAN_STRANGERS;

                observe(&observed, "view", "");
                add_crowd(&observed, ending != 0);
                observed.signin.deletion_at = BEGIN;
                assert_beside_strangers(
                        &observed, BEGIN, strangers,
                        "delete ClusterRoleBinding uid-B, unbound, delete ServiceAccount uid-A, "
                        "finish");
                observed.gone = true;
                assert_beside_strangers(
                        &observed, BEGIN, strangers,
                        "delete ClusterRoleBinding uid-B, delete ServiceAccount uid-A");
        }
}

TEST(is_ready_or_refused_or_over_however_many_others_are_labelled)
{
        for (int ending = 0; ending < 2; ending++) {
                scoped(observed_clear) struct observed observed = { 0 };
                size_t strangers = ending ? 0 : PLAN_STRANGERS;

                observe(&observed, "view", "");
                add_crowd(&observed, ending != 0);
                assert_beside_strangers(&observed, BEGIN, strangers, "status Provisioned");
                observed.signin.has_finalizer = false;
                assert_beside_strangers(&observed, BEGIN, strangers,
                                        "delete ClusterRoleBinding uid-B, delete ServiceAccount "
                                        "uid-A, status FinalizerMissing");
                assert_beside_strangers(
                        &observed, BEGIN + HOUR, strangers,
                        "delete ClusterRoleBinding uid-B, delete ServiceAccount uid-A, end");
        }
}

TEST(has_room_for_the_most_that_a_session_can_have)
{
        scoped(observed_clear) struct observed observed = { 0 };
        scoped(plan_clear) struct plan plan = { 0 };
        size_t own = 0;

        observe(&observed, "view", "nmqrstuvwxyz0123"); /* 16: the limit of the CRD */
        add_crowd(&observed, false);
        observed.signin.deletion_at = BEGIN;
        decide(&observed, BEGIN, &plan);
        assert_int_equal(plan.actions[plan.count - 1].kind, ACTION_FINISH);
        for (size_t i = 0; i < plan.count; i++)
                own += plan.actions[i].kind == ACTION_DELETE && !plan.actions[i].stranger;
        assert_int_equal(own, 16 + 2); /* the account, and a binding that should not be */
}

TEST(takes_everything_of_a_vanished_session_that_was_never_seen)
{
        scoped(observed_clear) struct observed observed = { 0 };

        observe(&observed, "view", "");
        observed.known = false;
        observed.gone = true;
        add_crowd(&observed, true);
        assert_plan(&observed, BEGIN,
                    "delete ClusterRoleBinding uid-B, delete ServiceAccount uid-A");
}
