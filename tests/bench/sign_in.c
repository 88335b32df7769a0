/* sign_in.c - what `make bench` times: a sign-in through tka-server, and the writes it consists of.
 *
 *   sign_in session URL                         POST credential; then, untimed, logout
 *   sign_in writes NAMESPACE SERVER OPERATOR    the five writes in a row, as the two daemons of
 *                                               these kubeconfigs; then, untimed, their removal
 *
 * Every line on stdin asks for one round; the line that answers it on stdout holds microseconds: of
 * the whole, then of each write. All requests of a process go over one kept connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/api/kube.h"
#include "lib/http/http_client.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "operator/dependent.h"
#include "operator/objects.h"
#include "schema/routes.h"
#include "schema/signin.h"

#define TIMEOUT_MS 20000
#define WRITES 5
/* Well-formed, but not the name that its spec gives: tka-operator leaves such a session alone. */
#define NAME SIGNIN_NAME_PREFIX "yardstick-0000000000000000"
#define ROLE "view"
#define LOGIN "yardstick@example.com"
#define PERIOD "1h0m0s"
#define PERIOD_SECONDS 3600

struct identity {
        struct http_client *http; /* shared: one connection, whoever asks */
        struct kube_config config;
};

struct verb {
        const char *method, *content_type, *query;
};

static const struct verb CREATE = { "POST", "application/json", "" };
static const struct verb DELETE = { "DELETE", "application/json", "" };
static const struct verb PATCH = { "PATCH", "application/json-patch+json", "" };
static const struct verb APPLY_SIGNIN = {
        "PATCH", "application/apply-patch+yaml",
        "?fieldManager=tka-server&force=true&fieldValidation=Strict"
};
static const struct verb APPLY_STATUS = {
        "PATCH", "application/apply-patch+yaml",
        "?fieldManager=tka-operator&force=true&fieldValidation=Strict"
};

struct writes {
        struct identity server, operator;
        char *session_namespace;
        char *account_uid;
        long long took_us[WRITES];
};

static long long now_us(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool read_answer(const struct http_request *request, const struct http_reply *reply,
                        json_t **answer, struct error *err)
{
        json_auto_t *value = NULL;

        if (reply->status < 200 || reply->status > 299)
                return error_set(err, ERROR_UNAVAILABLE, "%s %s: %d %s", request->method,
                                 request->url, reply->status, buf_text(&reply->body));
        if (!json_parse_object(buf_text(&reply->body), reply->body.length, &value, err))
                return false;
        if (answer != NULL)
                *answer = json_incref(value);
        return true;
}

/* Takes path and body over. answer: the caller's, or NULL. */
static bool ask(const struct identity *who, const struct verb *verb, char *path, json_t *body,
                json_t **answer, struct error *err)
{
        scoped_free char *owned_path = path;
        json_auto_t *owned_body = body;
        scoped(buf_clear) struct buf url = { 0 }, text = { 0 };
        scoped(http_reply_clear) struct http_reply reply = { 0 };

        buf_printf(&url, "%s%s%s", who->config.server, owned_path, verb->query);
        json_print(owned_body, &text);
        const struct http_request request = {
                .method = verb->method,
                .url = url.text,
                .body = text.text,
                .body_length = text.length,
                .content_type = verb->content_type,
                .accept = "application/json",
                .bearer = secret_is_empty(&who->config.token) ? NULL : &who->config.token,
                .ca_pem = who->config.ca_pem,
                .timeout_ms = TIMEOUT_MS,
                .limit_bytes = LIMIT_KUBE_ANSWER,
        };

        return http_client_send(who->http, &request, &reply, err) &&
               read_answer(&request, &reply, answer, err);
}

static char *signin_path(const struct writes *writes, const char *subresource)
{
        return kube_path(signin_resource(), writes->session_namespace, NAME, subresource);
}

static char *account_path(const struct writes *writes, const char *subresource)
{
        return kube_path(dependent_resource(DEPENDENT_SERVICE_ACCOUNT), writes->session_namespace,
                         NAME, subresource);
}

static bool apply_signin(struct writes *writes, struct signin *signin, struct error *err)
{
        char now[TIMESTAMP_TEXT_SIZE];
        json_auto_t *answer = NULL;
        scoped(signin_spec_clear) struct signin_spec spec = {
                .username = xstrdup(LOGIN),
                .role = xstrdup(ROLE),
                .validity_period = xstrdup(PERIOD),
                .requested_at = xstrdup(timestamp_format(timestamp_now(), now)),
                .node = xstrdup("yardstick"),
                .node_id = xstrdup("1"),
                .user_id = xstrdup("1"),
                .issuer = xstrdup("tests/bench"),
        };

        return ask(&writes->server, &APPLY_SIGNIN, signin_path(writes, NULL),
                   signin_encode(writes->session_namespace, NAME, &spec), &answer, err) &&
               signin_decode(answer, signin, err);
}

static bool create_account(struct writes *writes, struct signin *signin, struct error *err)
{
        json_auto_t *answer = NULL;
        char *path = dependent_path(DEPENDENT_SERVICE_ACCOUNT, writes->session_namespace, NULL);

        if (!ask(&writes->operator, & CREATE, path, objects_service_account(signin), &answer, err))
                return false;
        free(writes->account_uid);
        writes->account_uid = xstrdup(json_text_at(answer, "metadata.uid"));
        return true;
}

static bool create_binding(struct writes *writes, struct signin *signin, struct error *err)
{
        json_auto_t *answer = NULL;

        return ask(&writes->operator, & CREATE,
                   dependent_path(DEPENDENT_CLUSTER_BINDING, NULL, NULL),
                   objects_binding(signin, ""), &answer, err);
}

static bool apply_status(struct writes *writes, struct signin *signin, struct error *err)
{
        char until[TIMESTAMP_TEXT_SIZE];
        json_auto_t *answer = NULL;
        scoped(signin_status_clear) struct signin_status status = {
                .provisioned = true,
                .signed_in = xstrdup(signin->spec.requested_at),
                .valid_until = xstrdup(timestamp_format(timestamp_now() + PERIOD_SECONDS, until)),
                .observed_generation = signin->generation,
                .service_account_name = xstrdup(NAME),
                .service_account_uid = xstrdup(writes->account_uid),
                .ready = xstrdup("True"),
                .ready_reason = xstrdup("Provisioned"),
                .ready_message = xasprintf(ROLE " until %s", until),
                .ready_changed_at = xstrdup(signin->spec.requested_at),
        };

        return ask(&writes->operator, & APPLY_STATUS, signin_path(writes, "status"),
                   signin_encode_status(signin, &status), &answer, err);
}

static bool request_token(struct writes *writes, struct signin *signin, struct error *err)
{
        json_auto_t *answer = NULL;
        json_t *body =
                json_pack("{s:s, s:s, s:{s:s}, s:{s:i}}", "apiVersion", "authentication.k8s.io/v1",
                          "kind", "TokenRequest", "metadata", "uid", writes->account_uid, "spec",
                          "expirationSeconds", PERIOD_SECONDS);

        (void)signin;
        return ask(&writes->server, &CREATE, account_path(writes, "token"), body, &answer, err);
}

static bool remove_all(struct writes *writes, struct error *err)
{
        scoped_free char *name = xasprintf(NAME ".%s", writes->session_namespace);
        json_t *unhold = json_pack("[{s:s, s:s, s:s}, {s:s, s:s}]", "op", "test", "path",
                                   "/metadata/finalizers/0", "value", SIGNIN_FINALIZER, "op",
                                   "remove", "path", "/metadata/finalizers/0");
        struct {
                const struct identity *who;
                const struct verb *verb;
                char *path;
                json_t *body;
        } steps[] = {
                { &writes->server, &DELETE, signin_path(writes, NULL), json_object() },
                { &writes->operator, & DELETE,
                 dependent_path(DEPENDENT_CLUSTER_BINDING, NULL, name), json_object() },
                { &writes->operator, & DELETE, account_path(writes, NULL), json_object() },
                { &writes->operator, & PATCH, signin_path(writes, NULL), unhold },
        };
        bool removed = true;

        for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
                removed &=
                        ask(steps[i].who, steps[i].verb, steps[i].path, steps[i].body, NULL, err);
        return removed;
}

static bool write_all(struct writes *writes, struct error *err)
{
        static bool (*const steps[WRITES])(struct writes *writes, struct signin *signin,
                                           struct error *err) = {
                apply_signin, create_account, create_binding, apply_status, request_token,
        };
        scoped(signin_clear) struct signin signin = { 0 };
        long long begun_us = now_us();
        long long all_us = begun_us;

        for (size_t i = 0; i < WRITES; i++) {
                if (!steps[i](writes, &signin, err))
                        return false;
                writes->took_us[i] = now_us() - begun_us;
                begun_us += writes->took_us[i];
        }
        printf("%lld", begun_us - all_us);
        for (size_t i = 0; i < WRITES; i++)
                printf(" %lld", writes->took_us[i]);
        return remove_all(writes, err);
}

static bool run_writes(struct loop *loop, char **arguments, struct error *err)
{
        char line[16];
        const struct http_client_options options = { .in_flight = 1, .user_agent = "tka-bench" };
        struct http_client *http = http_client_new(loop, &options);
        struct writes writes = { .server.http = http,
                                 .operator.http = http,
                                 .session_namespace = arguments[0] };
        struct error ignored = { 0 };
        bool fine = kube_config_read(arguments[1], &writes.server.config, err) &&
                    kube_config_read(arguments[2], &writes.operator.config, err);

        if (fine)
                (void)!remove_all(&writes, &ignored); /* left by a round that was cut short */
        while (fine && fgets(line, sizeof(line), stdin) != NULL) {
                fine = write_all(&writes, err);
                putchar('\n');
                fflush(stdout);
        }
        free(writes.account_uid);
        kube_config_clear(&writes.server.config);
        kube_config_clear(&writes.operator.config);
        http_client_free(http);
        return fine;
}

static bool sign_in(const struct identity *who, struct error *err)
{
        json_auto_t *answer = NULL;
        long long begun_us = now_us();

        if (!ask(who, &CREATE, xstrdup(ROUTE_CREDENTIAL), json_object(), &answer, err))
                return false;
        printf("%lld", now_us() - begun_us);
        if (json_text_at(answer, "status.token") == NULL)
                return error_set(err, ERROR_UNAVAILABLE, "the answer holds no token");
        return ask(who, &CREATE, xstrdup(ROUTE_LOGOUT), json_object(), NULL, err);
}

static bool run_session(struct loop *loop, char **arguments, struct error *err)
{
        char line[16];
        const struct http_client_options options = { .in_flight = 1, .user_agent = "tka-bench" };
        const struct identity alice = { http_client_new(loop, &options),
                                        { .server = arguments[0] } };
        bool fine = true;

        while (fine && fgets(line, sizeof(line), stdin) != NULL) {
                fine = sign_in(&alice, err);
                putchar('\n');
                fflush(stdout);
        }
        http_client_free(alice.http);
        return fine;
}

static const struct {
        const char *name;
        int arguments;
        bool (*run)(struct loop *loop, char **arguments, struct error *err);
} modes[] = {
        { "session", 1, run_session },
        { "writes",  3, run_writes  },
};

int main(int argc, char **argv)
{
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
                if (argc != modes[i].arguments + 2 || strcmp(argv[1], modes[i].name) != 0)
                        continue;
                struct loop *loop = loop_new();
                bool fine = modes[i].run(loop, argv + 2, &err);
                loop_free(loop);
                if (!fine)
                        fprintf(stderr, "sign_in: %s\n", err.text);
                return fine ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        fprintf(stderr, "usage: sign_in session URL | writes NAMESPACE SERVER OPERATOR\n");
        return EXIT_FAILURE;
}
