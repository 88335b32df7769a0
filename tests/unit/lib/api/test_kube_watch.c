#include "lib/api/kube_watch.h"

#include "lib/api/kube_private.h"
#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "tests/unit/lib/http/peer.h"

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define ITEM(name, uid, version) \
        "{\"metadata\":{\"namespace\":\"tka\",\"name\":\"" name "\",\"uid\":\"" uid \
        "\",\"resourceVersion\":\"" version "\"}}"
#define ITEM_ALONE(name, uid, version) PEER_JSON("200 OK", ITEM(name, uid, version))
#define LIST(version, rest, items) \
        PEER_JSON("200 OK", "{\"metadata\":{\"resourceVersion\":\"" version \
                            "\",\"continue\":\"" rest "\"},\"items\":[" items "]}")
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define GONE "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}"

struct fixture {
        struct loop *loop;
        struct kube *kube;
        struct kube_watch *watch;
        struct peer peer;
        struct buf told; /* "+a/u1 -b/u2 . ": what the callbacks said */
        size_t failures;
        char failure[512];
};

static void on_changed(void *owner, const json_t *object)
{
        struct fixture *fixture = owner;

        buf_printf(&fixture->told, "+%s/%s ", json_text_at(object, "metadata.name"),
                   json_text_at(object, "metadata.uid"));
}

static void on_deleted(void *owner, const char *namespace_name, const char *name, const char *uid)
{
        struct fixture *fixture = owner;

        assert_string_equal(namespace_name, "tka");
        buf_printf(&fixture->told, "-%s/%s ", name, uid);
}

/* Of what is nobody's the end is of no interest. */
static bool keeps(void *owner, const char *uid)
{
        (void)owner;
        return strcmp(uid, "nobody") != 0;
}

static void on_synced(void *owner)
{
        struct fixture *fixture = owner;

        buf_add(&fixture->told, ". ");
}

static void on_failed(void *owner, const struct error *err)
{
        struct fixture *fixture = owner;

        fixture->failures++;
        snprintf(fixture->failure, sizeof(fixture->failure), "%s", err->text);
}

static void set_up_for(struct fixture *fixture, const char *object_path,
                       const struct peer_answer *answers, size_t count)
{
        struct kube_config config = { 0 };
        const struct kube_watch_options options = {
                .path = "/api/v1/namespaces/tka/serviceaccounts",
                .label_selector = "a=b",
                .object_path = object_path,
                .owner = fixture,
                .changed = on_changed,
                .keeps = keeps,
                .deleted = on_deleted,
                .synced = on_synced,
                .failed = on_failed,
        };

        *fixture = (struct fixture){ .loop = loop_new() };
        peer_start(&fixture->peer, fixture->loop, answers, count);
        config.server = xstrdup(fixture->peer.url);
        fixture->kube = kube_new(fixture->loop, &config, "test/1");
        fixture->watch = kube_watch_start(fixture->loop, fixture->kube, &options);
        *kube_watch_pace(fixture->watch) = (struct kube_watch_pace){
                .first_delay_ms = 10,
                .longest_delay_ms = 40,
                .silence_ms = 2000,
                .short_ms = 5,
                .page = 2,
        };
}

static void set_up(struct fixture *fixture, const struct peer_answer *answers, size_t count)
{
        set_up_for(fixture, NULL, answers, count);
}

static void turn_loop(struct fixture *fixture, int64_t milliseconds)
{
        struct error err = { 0 };

        assert_ok(wait_ms(fixture->loop, milliseconds, &err));
}

/* Until that was told, or the test has waited too long. */
static void expect_told(struct fixture *fixture, const char *told)
{
        for (int i = 0; i < 500 && strlen(buf_text(&fixture->told)) < strlen(told); i++)
                turn_loop(fixture, 4);
        assert_string_equal(buf_text(&fixture->told), told);
        buf_clear(&fixture->told);
}

static void expect_requests(struct fixture *fixture, size_t count)
{
        for (int i = 0; i < 500 && fixture->peer.request_count < count; i++)
                turn_loop(fixture, 4);
        turn_loop(fixture, 8); /* for the answer */
        assert_true(fixture->peer.request_count >= count);
}

static void tear_down(struct fixture *fixture)
{
        kube_watch_stop(fixture->watch);
        kube_free(fixture->kube);
        turn_loop(fixture, 5);
        peer_stop(&fixture->peer);
        buf_clear(&fixture->told);
        loop_free(fixture->loop);
        assert_int_equal(fiber_count(), 0);
}

TEST(lists_in_pages_and_then_follows)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "t/1", ITEM("a", "u1", "5") "," ITEM("b", "u2", "6")), PEER_CLOSES },
                { LIST("7", "", ITEM("c", "u3", "4")), PEER_CLOSES },
                { STREAM EVENT("ADDED", ITEM("d", "u4", "8")), PEER_KEEPS },
        };
        struct fixture fixture;

        set_up(&fixture, answers, 3);
        assert_false(kube_watch_is_synced(fixture.watch));
        expect_told(&fixture, "+a/u1 +b/u2 +c/u3 . +d/u4 ");
        assert_true(kube_watch_is_synced(fixture.watch));
        assert_true(peer_was_asked(&fixture.peer, "?labelSelector=a%3Db&limit=500 HTTP"));
        assert_true(peer_was_asked(&fixture.peer, "&continue=t%2F1&limit=2 HTTP"));
        assert_true(peer_was_asked(&fixture.peer, "?watch=1&allowWatchBookmarks=true&timeoutSec"));
        assert_true(peer_was_asked(&fixture.peer, "&resourceVersion=7&labelSelector=a%3Db HTTP"));
        peer_send(&fixture.peer, EVENT("MODIFIED", ITEM("a", "u1", "9")));
        peer_send(&fixture.peer, EVENT("DELETED", ITEM("b", "u2", "10")) "{\"type\":\"BOOK");
        expect_told(&fixture, "+a/u1 -b/u2 ");
        peer_send(&fixture.peer,
                  "MARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"50\"}}}\n");
        turn_loop(&fixture, 20);
        assert_int_equal(kube_watch_restarts(fixture.watch), 0);
        assert_int_equal(fixture.failures, 0);
        tear_down(&fixture);
}

#define NAME "/api/v1/namespaces/tka/serviceaccounts/a"

TEST(follows_one_object_without_listing)
{
        static const struct peer_answer answers[] = {
                { ITEM_ALONE("a", "u1", "5"), PEER_CLOSES },
                { STREAM EVENT("ADDED", ITEM("a", "u1", "5")), PEER_CLOSES },
                { STREAM EVENT("DELETED", ITEM("a", "u1", "6")), PEER_KEEPS },
        };
        struct fixture fixture;

        set_up_for(&fixture, NAME, answers, 3);
        expect_told(&fixture, "+a/u1 . +a/u1 -a/u1 ");
        assert_true(peer_was_asked(&fixture.peer, "GET " NAME " HTTP"));
        assert_true(peer_was_asked(&fixture.peer, "&resourceVersion=0&"));
        assert_true(peer_was_asked(&fixture.peer, "&resourceVersion=5&"));
        assert_false(peer_was_asked(&fixture.peer, "limit="));
        tear_down(&fixture);
}

TEST(looks_again_for_one_object_of_which_a_watch_told_nothing)
{
        static const struct peer_answer answers[] = {
                { ITEM_ALONE("a", "u1", "5"), PEER_CLOSES },
                { STREAM, PEER_CLOSES },
                { PEER_JSON("404 Not Found", "{\"message\":\"no\"}"), PEER_CLOSES },
                { STREAM EVENT("ADDED", ITEM("a", "u2", "9")), PEER_KEEPS },
        };
        struct fixture fixture;

        set_up_for(&fixture, NAME, answers, 4);
        expect_told(&fixture, "+a/u1 . -a/u1 . +a/u2 ");
        tear_down(&fixture);
}

TEST(goes_on_from_the_last_bookmark)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "", ""), PEER_CLOSES },
                { STREAM EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"50\"}}"),
                 PEER_CLOSES },
                { STREAM, PEER_KEEPS },
        };
        struct fixture fixture;

        set_up(&fixture, answers, 3);
        expect_requests(&fixture, 3);
        assert_true(peer_was_asked(&fixture.peer, "&resourceVersion=50&"));
        assert_int_equal(kube_watch_restarts(fixture.watch), 1);
        assert_int_equal(fixture.failures, 0);
        tear_down(&fixture);
}

TEST(lists_anew_after_a_410_and_reports_what_vanished)
{
        static const struct peer_answer forms[] = {
                { STREAM EVENT("ERROR", GONE), PEER_CLOSES },
                { PEER_JSON("410 Gone", GONE), PEER_CLOSES },
        };
        struct fixture fixture;

        for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
                const struct peer_answer answers[] = {
                        { LIST("7", "", ITEM("a", "u1", "1") "," ITEM("b", "u2", "2")),
                         PEER_CLOSES },
                        forms[i],
                        { LIST("9", "", ITEM("b", "u9", "8")), PEER_CLOSES },
                        { STREAM, PEER_KEEPS },
                };
                set_up(&fixture, answers, 4);
                expect_told(&fixture, "+a/u1 +b/u2 . -b/u2 +b/u9 -a/u1 . ");
                expect_requests(&fixture, 4);
                assert_true(peer_was_asked(&fixture.peer, "&resourceVersion=9&"));
                assert_int_equal(fixture.failures, 0);
                tear_down(&fixture);
        }
}

TEST(lists_in_one_piece_when_a_page_came_too_late)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "t", ITEM("a", "u1", "1")), PEER_CLOSES },
                { PEER_JSON("410 Gone", GONE), PEER_CLOSES },
                { LIST("8", "", ITEM("a", "u1", "1")), PEER_CLOSES },
                { STREAM, PEER_KEEPS },
        };
        struct fixture fixture;

        set_up(&fixture, answers, 4);
        expect_told(&fixture, "+a/u1 +a/u1 . ");
        assert_true(peer_was_asked(&fixture.peer, "?labelSelector=a%3Db HTTP"));
        tear_down(&fixture);
}

TEST(goes_past_what_has_a_name_that_nobody_can_ask_for)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "", ITEM("a\\u0000b", "u1", "1") "," ITEM("c", "u2", "2")),
                 PEER_CLOSES },
                { STREAM EVENT("ADDED", ITEM("d\\u0000", "u3", "8"))
                          EVENT("DELETED", ITEM("d\\u0000", "u3", "9"))
                                  EVENT("ADDED", ITEM("e", "u4", "10")),
                 PEER_KEEPS },
        };
        struct fixture fixture;

        set_up(&fixture, answers, 2);
        expect_told(&fixture, "+c/u2 . +e/u4 ");
        assert_int_equal(fixture.failures, 0);
        tear_down(&fixture);
}

TEST(asks_for_fewer_when_a_page_is_too_large)
{
        scoped(buf_clear) struct buf large = { 0 };
        struct fixture fixture;

        buf_add(&large, STREAM);
        while (large.length <= LIMIT_KUBE_PAGE + sizeof(STREAM))
                buf_add(&large, "                                                                ");
        const struct peer_answer answers[] = {
                { buf_text(&large), PEER_CLOSES },
                { buf_text(&large), PEER_CLOSES },
                { LIST("7", "t", ITEM("a", "u1", "1")), PEER_CLOSES },
                { buf_text(&large), PEER_CLOSES },
                { LIST("7", "", ITEM("b", "u2", "2")), PEER_CLOSES },
                { STREAM, PEER_KEEPS },
        };
        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        kube_watch_pace(fixture.watch)->page = 500;
        expect_told(&fixture, "+a/u1 +b/u2 . ");
        assert_true(peer_was_asked(&fixture.peer, "&limit=50 HTTP"));
        assert_true(peer_was_asked(&fixture.peer, "&limit=5 HTTP"));
        assert_true(peer_was_asked(&fixture.peer, "&continue=t&limit=1 HTTP"));
        assert_int_equal(fixture.failures, 0);
        tear_down(&fixture);
}

TEST(tries_again_after_whatever_goes_wrong_and_says_so)
{
        static const struct peer_answer wrong[] = {
                { NULL, PEER_CLOSES },
                { NULL, PEER_RESETS },
                { PEER_JSON("403 Forbidden", "{\"message\":\"no\"}"), PEER_CLOSES },
                { PEER_JSON("500 x", "{\"message\":\"no\"}"), PEER_CLOSES },
                { PEER_JSON("200 OK", "{}"), PEER_CLOSES },
                { PEER_JSON("200 OK", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":5}"),
                 PEER_CLOSES },
                { LIST("7", "", "{}"), PEER_CLOSES },
                { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", PEER_CLOSES },
        };
        struct fixture fixture;

        for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
                const struct peer_answer answers[] = {
                        wrong[i],
                        { LIST("7", "", ITEM("a", "u1", "1")), PEER_CLOSES },
                        { STREAM, PEER_KEEPS },
                };
                set_up(&fixture, answers, 3);
                expect_told(&fixture, "+a/u1 . ");
                assert_int_equal(fixture.failures, 1);
                tear_down(&fixture);
        }
}

TEST(takes_up_the_watch_where_it_broke)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "", ""), PEER_CLOSES },
                { STREAM EVENT("ADDED", ITEM("a", "u1", "8")) "{\"type\":\"ADD", PEER_CLOSES },
                { PEER_JSON("503 x", "{\"message\":\"starting\"}"), PEER_CLOSES },
                { NULL, PEER_CLOSES },
                { STREAM EVENT("ADDED", ITEM("b", "u2", "9")), PEER_KEEPS },
        };
        struct fixture fixture;

        set_up(&fixture, answers, 5);
        expect_told(&fixture, ". +a/u1 +b/u2 ");
        assert_true(peer_was_asked(&fixture.peer, "&resourceVersion=8&"));
        assert_true(fixture.failures >= 2);
        assert_int_equal(kube_watch_restarts(fixture.watch), 3);
        tear_down(&fixture);
}

TEST(backs_off_from_watches_that_end_at_once)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "", ""), PEER_CLOSES },
                { STREAM, PEER_CLOSES },
        };
        struct fixture fixture;

        set_up(&fixture, answers, 2);
        turn_loop(&fixture, 300);
        assert_in_range(fixture.peer.request_count, 4, 22);
        assert_string_equal(fixture.failure, "the watch ended at once");
        tear_down(&fixture);
}

TEST(reports_no_end_of_what_was_not_kept_but_one_that_it_sees)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "", ITEM("a", "u1", "5") "," ITEM("b", "nobody", "6")), PEER_CLOSES },
                { STREAM EVENT("ADDED", ITEM("c", "nobody", "8"))
                          EVENT("DELETED", ITEM("c", "nobody", "9")) EVENT("ERROR", GONE),
                 PEER_CLOSES },
                { LIST("9", "", ""), PEER_CLOSES },
                { STREAM, PEER_KEEPS },
        };
        struct fixture fixture;

        set_up(&fixture, answers, ARRAY_LENGTH(answers));
        expect_told(&fixture, "+a/u1 +b/nobody . +c/nobody -c/nobody -a/u1 . ");
        tear_down(&fixture);
}

TEST(lists_anew_after_an_event_it_cannot_read)
{
        static const char *const events[] = {
                "nonsense\n",
                "[]\n",
                EVENT("SURPRISE", "{}"),
                EVENT("ADDED", "{}"),
                EVENT("BOOKMARK", "{}"),
                "{\"object\":{}}\n",
        };
        struct fixture fixture;

        for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
                scoped_free char *stream = xasprintf("%s%s", STREAM, events[i]);
                const struct peer_answer answers[] = {
                        { LIST("7", "", ""), PEER_CLOSES },
                        { stream, PEER_KEEPS },
                        { LIST("9", "", ITEM("a", "u1", "8")), PEER_CLOSES },
                        { STREAM, PEER_KEEPS },
                };
                set_up(&fixture, answers, 4);
                expect_told(&fixture, ". +a/u1 . ");
                assert_int_equal(fixture.failures, 1);
                tear_down(&fixture);
        }
}

TEST(takes_silence_for_a_dead_connection)
{
        static const struct peer_answer answers[] = {
                { LIST("7", "", ""), PEER_CLOSES },
                { STREAM, PEER_KEEPS },
        };
        struct fixture fixture;

        set_up(&fixture, answers, 2);
        kube_watch_pace(fixture.watch)->silence_ms = 30;
        expect_requests(&fixture, 4);
        assert_non_null(strstr(fixture.failure, "timed out"));
        assert_true(kube_watch_is_synced(fixture.watch));
        tear_down(&fixture);
}

TEST(can_be_stopped_while_it_lists_follows_or_backs_off)
{
        static const struct peer_answer scripts[][2] = {
                { { NULL, PEER_KEEPS },               { NULL, PEER_KEEPS }   },
                { { LIST("7", "", ""), PEER_CLOSES }, { STREAM, PEER_KEEPS } },
                { { LIST("7", "", ""), PEER_CLOSES }, { NULL, PEER_KEEPS }   },
                { { NULL, PEER_CLOSES },              { NULL, PEER_CLOSES }  },
        };
        struct fixture fixture;

        for (size_t i = 0; i < ARRAY_LENGTH(scripts); i++) {
                set_up(&fixture, scripts[i], 2);
                turn_loop(&fixture, 25);
                tear_down(&fixture);
        }
}

static size_t gone_count;

static void count_gone(void *owner, const char *namespace_name, const char *name, const char *uid)
{
        (void)owner;
        (void)namespace_name;
        (void)name;
        (void)uid;
        gone_count++;
}

TEST(remembers_ten_thousand_names_in_little_memory)
{
        enum { NAMES = 10000 };
        scoped(kube_names_clear) struct kube_names names = { 0 };
        char *replaced;
        char name[32];

        for (int i = 0; i < NAMES; i++) {
                snprintf(name, sizeof(name), "object-%d", i);
                kube_names_put(&names, "tka", name, "1f0c7a4e-0000-4000-8000-000000000000",
                               &replaced);
                assert_null(replaced);
        }
        assert_int_equal(names.count, NAMES);
        assert_true(names.capacity <= 40000);
        for (int i = 0; i < NAMES; i += 2) {
                snprintf(name, sizeof(name), "object-%d", i);
                kube_names_remove(&names, "tka", name);
                kube_names_remove(&names, "elsewhere", name);
        }
        assert_int_equal(names.count, NAMES / 2);
        kube_names_begin(&names);
        kube_names_put(&names, "tka", "object-1", "other", &replaced);
        assert_string_equal(replaced, "1f0c7a4e-0000-4000-8000-000000000000");
        free(replaced);
        gone_count = 0;
        kube_names_sweep(&names, count_gone, NULL);
        assert_int_equal(gone_count, NAMES / 2 - 1);
        assert_int_equal(names.count, 1);
        kube_names_sweep(&names, count_gone, NULL);
        assert_int_equal(gone_count, NAMES / 2 - 1);
}
