#include "lib/api/kube.h"

#include <unistd.h>

#include "lib/fiber.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/timestamp.h"
#include "tests/unit/lib/http/peer.h"

#define STATUS(code, message) \
        PEER_JSON(code, "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"" message "\"" \
                        "}")
#define OBJECT PEER_JSON("200 OK", "{\"metadata\":{\"name\":\"x\",\"uid\":\"u1\"}}")

struct fixture {
        struct loop *loop;
        struct kube *kube;
        struct peer peer;
        char token_file[48];
};

static void set_up(struct fixture *fixture, const struct peer_answer *answers, size_t count)
{
        struct kube_config config = { 0 };

        *fixture = (struct fixture){ .loop = loop_new() };
        peer_start(&fixture->peer, fixture->loop, answers, count);
        config.server = xstrdup(fixture->peer.url);
        secret_set(&config.token, "first", 5);
        fixture->kube = kube_new(fixture->loop, &config, "test/1");
        assert_null(config.server);
}

static void write_token(struct fixture *fixture, const char *token)
{
        struct error err = { 0 };

        assert_ok(file_write(fixture->token_file, 0600, token, strlen(token), &err));
}

static void set_up_with_token_file(struct fixture *fixture, const struct peer_answer *answers,
                                   size_t count)
{
        struct kube_config config = { 0 };

        *fixture = (struct fixture){ .loop = loop_new(), .token_file = "/tmp/test_kube.XXXXXX" };
        peer_start(&fixture->peer, fixture->loop, answers, count);
        close(mkstemp(fixture->token_file));
        write_token(fixture, "first\n");
        config.server = xstrdup(fixture->peer.url);
        config.token_file = xstrdup(fixture->token_file);
        fixture->kube = kube_new(fixture->loop, &config, "test/1");
}

static void tear_down(struct fixture *fixture)
{
        struct error err = { 0 };

        kube_free(fixture->kube);
        assert_ok(wait_ms(fixture->loop, 2, &err));
        peer_stop(&fixture->peer);
        loop_free(fixture->loop);
        if (fixture->token_file[0])
                unlink(fixture->token_file);
        assert_int_equal(fiber_count(), 0);
}

/* Every verb, at the same object. */
enum verb { GET, CREATE, APPLY, PATCH, REPLACE, DELETE };

static bool call(struct fixture *fixture, enum verb verb, json_t **object, struct error *err)
{
        static const char path[] = "/api/v1/namespaces/tka/serviceaccounts/x";
        json_auto_t *body = json_pack("{s:s}", "kind", "ServiceAccount");

        switch (verb) {
        case GET:
                return kube_get(fixture->kube, path, object, err);
        case CREATE:
                return kube_create(fixture->kube, path, body, object, err);
        case APPLY:
                return kube_apply(fixture->kube, path, "tka-server", body, object, err);
        case PATCH:
                return kube_patch(fixture->kube, path, body, object, err);
        case REPLACE:
                return kube_replace(fixture->kube, path, body, object, err);
        case DELETE:
                return kube_delete(fixture->kube, path, "u1", "77", object, err);
        }
        return false;
}

TEST(sends_each_verb_as_the_api_server_wants_it)
{
        static const struct {
                enum verb verb;
                const char *sent[3];
        } cases[] = {
                { GET,     { "GET /api/v1/namespaces/tka/serviceaccounts/x HTTP", "", "" }   },
                { CREATE,  { "POST ", "Content-Type: application/json\r\n", "{\"kind\":" }   },
                { APPLY,
                 { "PATCH ", "Content-Type: application/apply-patch+yaml\r\n",
                    "x?fieldManager=tka-server&force=true&fieldValidation=Strict HTTP" }     },
                { PATCH,   { "PATCH ", "Content-Type: application/json-patch+json\r\n", "" } },
                { REPLACE, { "PUT ", "Content-Type: application/json\r\n", "" }              },
                { DELETE,
                 { "DELETE ", "Content-Type: application/json\r\n",
                    "\"preconditions\":{\"uid\":\"u1\",\"resourceVersion\":\"77\"}" }        },
        };
        static const struct peer_answer answers[] = {
                { OBJECT, PEER_CLOSES }
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                json_auto_t *object = NULL;

                set_up(&fixture, answers, 1);
                assert_ok(call(&fixture, cases[i].verb, &object, &err));
                assert_string_equal(json_text_at(object, "metadata.uid"), "u1");
                for (size_t j = 0; j < 3; j++)
                        assert_true(peer_was_asked(&fixture.peer, cases[i].sent[j]));
                assert_true(peer_was_asked(&fixture.peer, "Authorization: Bearer first\r\n"));
                assert_true(peer_was_asked(&fixture.peer, "User-Agent: test/1\r\n"));
                assert_ok(call(&fixture, cases[i].verb, NULL, &err));
                tear_down(&fixture);
        }
}

TEST(says_what_the_api_server_said)
{
        static const struct {
                const char *answer;
                enum error_kind kind;
                int http_status;
                const char *text;
        } cases[] = {
                { STATUS("403 Forbidden", "serviceaccounts \\\"x\\\" is forbidden: no"),
                 ERROR_DENIED, 403,
                 "creating serviceaccounts: serviceaccounts \"x\" is forbidden: no" },
                { STATUS("404 Not Found", "gone"), ERROR_NOT_FOUND, 404,
                 "creating serviceaccounts: gone" },
                { STATUS("409 Conflict", "serviceaccounts \\\"x\\\" already exists"),
                 ERROR_CONFLICT, 409,
                 "creating serviceaccounts: serviceaccounts \"x\" already exists" },
                { STATUS("400 Bad Request", "bad"), ERROR_INVALID, 400,
                 "creating serviceaccounts: bad" },
                { STATUS("422 Unprocessable Entity", "line one\\nline two"), ERROR_INVALID, 422,
                 "creating serviceaccounts: line one?line two" },
                { STATUS("401 Unauthorized", "Unauthorized"), ERROR_UNAUTHENTICATED, 401,
                 "creating serviceaccounts: Unauthorized" },
                { STATUS("410 Gone", "too old"), ERROR_UNAVAILABLE, 410,
                 "creating serviceaccounts: too old" },
                { STATUS("500 Internal Server Error", "etcd"), ERROR_UNAVAILABLE, 0,
                 "creating serviceaccounts: etcd" },
                { "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
                  "<html>\r\n <b>\001oops\n\n", ERROR_UNAVAILABLE, 0,
                 "creating serviceaccounts: the API server answered 502 (text/html): "
                  "<html> <b> oops" },
                { "HTTP/1.1 429 x\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
                  "Too many requests, please try again later.", ERROR_UNAVAILABLE, 0,
                 "creating serviceaccounts: the API server answered 429 (text/plain): Too many "
                  "requests, please try again later." },
                { "HTTP/1.1 500 x\r\nConnection: close\r\n\r\n", ERROR_UNAVAILABLE, 0,
                 "creating serviceaccounts: the API server answered 500 without a word" },
                { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>",
                 ERROR_UNAVAILABLE, 0,
                 "creating serviceaccounts: the API server answered 200 (text/html): <html>" },
                { PEER_JSON("403 Forbidden", "not json"), ERROR_DENIED, 403,
                 "creating serviceaccounts: the API server answered 403 (application/json): "
                  "not json" },
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                const struct peer_answer answer = { cases[i].answer, PEER_CLOSES };
                json_t *object = json_null();

                set_up(&fixture, &answer, 1);
                assert_false(call(&fixture, CREATE, &object, &err));
                assert_string_equal(err.text, cases[i].text);
                assert_int_equal(err.kind, cases[i].kind);
                assert_int_equal(err.http_status, cases[i].http_status);
                assert_true(json_is_null(object));
                tear_down(&fixture);
        }
}

TEST(calls_a_namespace_that_is_being_deleted_not_found)
{
        static const struct peer_answer answer = {
                PEER_JSON("403 Forbidden",
                          "{\"message\":\"m\",\"details\":{\"causes\":[{\"reason\":"
                          "\"NamespaceTerminating\"}]}}"),
                PEER_CLOSES
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, &answer, 1);
        assert_fails(call(&fixture, CREATE, NULL, &err), ERROR_NOT_FOUND,
                     "creating serviceaccounts: m");
        tear_down(&fixture);
}

TEST(calls_a_uid_that_is_another_objects_a_conflict)
{
        static const struct {
                const char *causes;
                enum error_kind kind;
        } cases[] = {
                { "{\"field\":\"metadata.uid\"},{\"field\":\"metadata.uid\"}", ERROR_CONFLICT },
                { "{\"field\":\"metadata.uid\"},{\"field\":\"spec.role\"}",    ERROR_INVALID  },
                { "{}",                                                        ERROR_INVALID  },
                { "",                                                          ERROR_INVALID  },
        };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                scoped_free char *text = xasprintf(
                        PEER_JSON("422 x", "{\"message\":\"m\",\"details\":{\"causes\":[%s]}}"),
                        cases[i].causes);
                const struct peer_answer answer = { text, PEER_CLOSES };

                set_up(&fixture, &answer, 1);
                assert_fails(call(&fixture, APPLY, NULL, &err), cases[i].kind,
                             "applying serviceaccounts: m");
                tear_down(&fixture);
        }
}

TEST(takes_no_garbage_for_an_object)
{
        static const char *const bodies[] = { "", "[]", "{\"a\":", "{\"a\":1}x" };
        struct fixture fixture;
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
                scoped_free char *text = xasprintf(PEER_JSON("200 OK", "%s"), bodies[i]);
                const struct peer_answer answer = { text, PEER_CLOSES };

                set_up(&fixture, &answer, 1);
                assert_fails(call(&fixture, GET, NULL, &err), ERROR_UNAVAILABLE,
                             "reading serviceaccounts: the API server's answer: ");
                tear_down(&fixture);
        }
}

TEST(says_that_the_api_server_is_not_there)
{
        static const struct peer_answer answers[] = {
                { NULL, PEER_CLOSES }
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        assert_fails(call(&fixture, GET, NULL, &err), ERROR_UNAVAILABLE,
                     "reading serviceaccounts: http://127.0.0.1:");
        assert_int_equal(kube_answered_at_ms(fixture.kube), 0);
        tear_down(&fixture);
}

static const struct peer_answer refused_once[] = {
        { OBJECT, PEER_CLOSES },
        { STATUS("401 Unauthorized", "Unauthorized"), PEER_CLOSES },
        { OBJECT, PEER_CLOSES },
};

TEST(reads_the_token_file_again_after_a_401)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up_with_token_file(&fixture, refused_once, ARRAY_LENGTH(refused_once));
        assert_ok(call(&fixture, GET, NULL, &err));
        write_token(&fixture, "second");
        assert_ok(call(&fixture, GET, NULL, &err));
        assert_int_equal(fixture.peer.request_count, 3);
        assert_true(peer_was_asked(&fixture.peer, "Bearer first\r\n"));
        assert_true(peer_was_asked(&fixture.peer, "Bearer second\r\n"));
        tear_down(&fixture);
}

TEST(tries_a_401_once_more_and_no_oftener)
{
        static const struct peer_answer answers[] = {
                { STATUS("401 Unauthorized", "Unauthorized"), PEER_CLOSES },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up_with_token_file(&fixture, answers, 1);
        assert_fails(call(&fixture, GET, NULL, &err), ERROR_UNAUTHENTICATED, "Unauthorized");
        assert_int_equal(fixture.peer.request_count, 2);
        tear_down(&fixture);
}

TEST(keeps_the_token_when_its_file_goes)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up_with_token_file(&fixture, refused_once, ARRAY_LENGTH(refused_once));
        assert_ok(call(&fixture, GET, NULL, &err));
        unlink(fixture.token_file);
        assert_ok(call(&fixture, GET, NULL, &err));
        assert_int_equal(fixture.peer.request_count, 3);
        tear_down(&fixture);
}

TEST(asks_nothing_without_a_token_it_should_have)
{
        struct fixture fixture;
        struct error err = { 0 };

        set_up_with_token_file(&fixture, NULL, 0);
        unlink(fixture.token_file);
        assert_fails(call(&fixture, GET, NULL, &err), ERROR_UNAVAILABLE, fixture.token_file);
        assert_int_equal(fixture.peer.request_count, 0);
        tear_down(&fixture);
}

TEST(waits_as_long_as_a_busy_api_server_asks)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nbusy", PEER_KEEPS  },
                { "HTTP/1.1 503 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",     PEER_KEEPS  },
                { OBJECT,                                                              PEER_CLOSES },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 3);
        int64_t before = loop_now_ms();
        assert_ok(call(&fixture, CREATE, NULL, &err));
        assert_in_range(loop_now_ms() - before, 1050, 4000);
        assert_int_equal(fixture.peer.request_count, 3);
        tear_down(&fixture);
}

TEST(does_not_wait_beyond_its_own_time)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 429 x\r\nRetry-After: 3600\r\nContent-Length: 4\r\n\r\nbusy",
                 PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        assert_fails(call(&fixture, CREATE, NULL, &err), ERROR_UNAVAILABLE, "429");
        assert_int_equal(err.retry_after_seconds, 60);
        tear_down(&fixture);
}

TEST(takes_the_time_from_the_api_server)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                  "Date: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n{}", PEER_KEEPS },
        };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        assert_in_range(kube_now(fixture.kube) - timestamp_now() + 1, 0, 2);
        assert_ok(call(&fixture, GET, NULL, &err));
        assert_in_range(kube_now(fixture.kube), 4102444800, 4102444830);
        assert_true(kube_clock_offset_seconds(fixture.kube) > 1000000000);
        assert_true(kube_answered_at_ms(fixture.kube) > 0);
        tear_down(&fixture);
}

struct background {
        struct fixture *fixture;
        bool ended, answered;
        struct error err;
};

static void run_background(void *argument)
{
        struct background *running = argument;

        running->answered = call(running->fixture, GET, NULL, &running->err);
        running->ended = true;
}

TEST(ends_calls_under_way_when_it_is_freed)
{
        struct background running[2] = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, NULL, 0);
        for (size_t i = 0; i < 2; i++) {
                running[i].fixture = &fixture;
                fiber_start(fixture.loop, run_background, &running[i]);
        }
        assert_ok(wait_ms(fixture.loop, 20, &err));
        kube_free(take(fixture.kube));
        assert_ok(wait_ms(fixture.loop, 20, &err));
        assert_true(running[0].ended && running[1].ended);
        assert_false(running[0].answered);
        assert_int_equal(running[0].err.kind, ERROR_UNAVAILABLE);
        tear_down(&fixture);
}

TEST(does_not_go_on_after_a_delay_when_it_was_freed_meanwhile)
{
        static const struct peer_answer answers[] = {
                { "HTTP/1.1 429 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", PEER_KEEPS },
        };
        struct background running = { 0 };
        struct fixture fixture;
        struct error err = { 0 };

        set_up(&fixture, answers, 1);
        running.fixture = &fixture;
        fiber_start(fixture.loop, run_background, &running);
        for (int i = 0; i < 500 && fixture.peer.request_count == 0; i++)
                assert_ok(wait_ms(fixture.loop, 4, &err));
        kube_free(take(fixture.kube));
        for (int i = 0; i < 500 && !running.ended; i++)
                assert_ok(wait_ms(fixture.loop, 4, &err));
        assert_true(running.ended);
        assert_false(running.answered);
        tear_down(&fixture);
}
