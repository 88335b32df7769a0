#include "lib/api/kube.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/kube_private.h"
#include "lib/fiber.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define SHORTEST_RETRY_MS 100 /* for a Retry-After of 0 */

struct kube {
        struct loop *loop;
        struct http_client *http;
        struct kube_config config;
        struct kube_files files;
        struct kube_clock clock;
        int64_t answered_at_ms;
        size_t users; /* the owner, and whoever waits in here: the last one frees */
        bool closed;
};

struct kube *kube_new(struct loop *loop, struct kube_config *config, const char *user_agent)
{
        struct kube *kube = xcalloc(1, sizeof(*kube));
        const struct http_client_options options = { .in_flight = LIMIT_KUBE_IN_FLIGHT,
                                                     .user_agent = user_agent };

        kube->loop = loop;
        kube->http = http_client_new(loop, &options);
        kube->config = *config;
        kube->users = 1;
        *config = (struct kube_config){ 0 };
        kube_files_begin(&kube->files, &kube->config);
        return kube;
}

static void release(struct kube *kube)
{
        if (--kube->users > 0)
                return;
        kube_config_clear(&kube->config);
        free(kube);
}

/* Calls under way end with an error when their fibers go on. */
void kube_free(struct kube *kube)
{
        if (!kube)
                return;
        kube->closed = true;
        http_client_free(take(kube->http));
        release(kube);
}

int64_t kube_now_ms(const struct kube *kube)
{
        return kube->clock.known ? kube_clock_read_ms(&kube->clock, loop_now_ms())
                                 : timestamp_now_us() / 1000;
}

int64_t kube_now(const struct kube *kube)
{
        return kube_now_ms(kube) / 1000;
}

int64_t kube_clock_offset_seconds(const struct kube *kube)
{
        return kube_now(kube) - timestamp_now();
}

int64_t kube_answered_at_ms(const struct kube *kube)
{
        return kube->answered_at_ms;
}

static void note_answer(struct kube *kube, const struct http_reply *reply, int64_t asked_ms)
{
        kube->answered_at_ms = loop_now_ms();
        if (reply->date > 0)
                kube_clock_note(&kube->clock, reply->date, asked_ms, kube->answered_at_ms);
}

/* One call to make. */
struct call {
        const char *doing; /* for errors: "creating" */
        const char *method;
        const char *path;
        const char *content_type;
        const json_t *body;
        size_t limit_bytes; /* of the answer; 0: LIMIT_KUBE_ANSWER */
};

static bool explain(const struct call *call, struct error *err)
{
        scoped(buf_clear) struct buf name = { 0 };

        kube_path_name(call->path, &name);
        return error_wrap(err, "%s %s", call->doing, buf_text(&name));
}

/* How long to wait before the same again, or -1 for not at all. */
static int64_t retry_delay_ms(const struct http_reply *reply, int64_t left_ms)
{
        int64_t delay_ms = reply->retry_after_seconds * 1000;

        if ((reply->status != 429 && reply->status != 503) || delay_ms < 0)
                return -1;
        delay_ms = delay_ms > SHORTEST_RETRY_MS ? delay_ms : SHORTEST_RETRY_MS;
        return delay_ms < left_ms ? delay_ms : -1;
}

/* The state of one call from its first try to its last. */
struct trial {
        const struct call *call;
        const struct buf *url;
        int64_t deadline_ms;
        int64_t asked_ms;
        bool token_renewed, ca_renewed; /* each is worth one more try */
};

enum outcome { ANSWERED, FAILED, AGAIN };

/* Valid until the next wait: the token and the CA may be read again meanwhile. */
static bool prepare(struct kube *kube, struct trial *trial, struct http_request *request,
                    struct error *err)
{
        const struct call *call = trial->call;

        trial->asked_ms = loop_now_ms();
        if (!kube_files_refresh_token(&kube->files, &kube->config, err)) {
                err->kind = ERROR_UNAVAILABLE; /* NOT_FOUND is for what the API server says */
                return false;
        }
        kube_files_refresh_ca(&kube->files, &kube->config);
        *request = (struct http_request){
                .method = call->method,
                .url = buf_text(trial->url),
                .content_type = call->content_type,
                .accept = "application/json",
                .bearer = &kube->config.token,
                .ca_pem = kube->config.ca_pem,
                .client_certificate_pem = kube->config.client_certificate_pem,
                .client_key_pem = kube->config.client_key_pem,
                .tls_server_name = kube->config.tls_server_name,
                .insecure = kube->config.insecure,
        };
        return true;
}

/* After a 401, or no answer at all, which may be for a CA that was replaced. */
static bool may_try_again(struct kube *kube, struct trial *trial, int status)
{
        struct error ignored = { 0 };

        if (status == 401 && !trial->token_renewed && kube->config.token_file) {
                trial->token_renewed = true;
                return kube_files_renew_token(&kube->files, &kube->config, &ignored);
        }
        if (status == 0 && !trial->ca_renewed) {
                trial->ca_renewed = true;
                return kube_files_renew_ca(&kube->config);
        }
        return false;
}

/* status 0: there was no answer, or more than the limit. */
static enum outcome judge(struct kube *kube, struct trial *trial, const struct http_reply *reply,
                          int status, struct error *err)
{
        if (status == 0) {
                err->http_status = trial->call->limit_bytes && err->kind == ERROR_INVALID ? 413 : 0;
                err->kind = ERROR_UNAVAILABLE;
        }
        if (!kube->closed && status > 0)
                note_answer(kube, reply, trial->asked_ms);
        if (!kube->closed && may_try_again(kube, trial, status))
                return AGAIN;
        return status > 0 ? ANSWERED : FAILED;
}

static enum outcome try_once(struct kube *kube, struct trial *trial, const struct buf *body,
                             struct http_reply *reply, struct error *err)
{
        struct http_request request;

        if (!prepare(kube, trial, &request, err))
                return FAILED;
        request.body = trial->call->body ? buf_text(body) : NULL;
        request.body_length = body->length;
        request.timeout_ms = trial->deadline_ms - trial->asked_ms;
        request.limit_bytes =
                trial->call->limit_bytes ? trial->call->limit_bytes : LIMIT_KUBE_ANSWER;
        if (request.timeout_ms <= 0 || fiber_deadline_has_passed()) {
                (void)error_set(err, ERROR_UNAVAILABLE, "no answer in time");
                return FAILED;
        }
        http_reply_clear(reply);
        bool answered = http_client_send(kube->http, &request, reply, err);
        return judge(kube, trial, reply, answered ? reply->status : 0, err);
}

static bool ask(struct kube *kube, struct trial *trial, struct http_reply *reply, struct error *err)
{
        scoped(buf_clear) struct buf body = { 0 };

        if (trial->call->body)
                json_print(trial->call->body, &body);
        for (;;) {
                enum outcome outcome = try_once(kube, trial, &body, reply, err);

                if (outcome == AGAIN)
                        continue;
                if (outcome == FAILED)
                        return false;
                int64_t delay_ms = retry_delay_ms(reply, loop_left_ms(trial->deadline_ms));
                if (delay_ms < 0 || kube->closed)
                        return true;
                if (!wait_ms(kube->loop, delay_ms, err))
                        return false;
                if (kube->closed)
                        return error_set(err, ERROR_UNAVAILABLE, "shutting down");
        }
}

static bool call_api(struct kube *kube, const struct call *call, json_t **object, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(buf_clear) struct buf url = { 0 };
        json_t *answer = NULL;
        struct trial trial = {
                .call = call,
                .url = &url,
                .deadline_ms = loop_now_ms() + LIMIT_KUBE_TIMEOUT_MS,
        };

        buf_printf(&url, "%s%s", kube->config.server, call->path);
        kube->users++;
        bool answered = ask(kube, &trial, &reply, err);
        release(kube);
        if (!answered)
                return explain(call, err);
        if (reply.status < 200 || reply.status > 299)
                return kube_answer_refuse(&reply, err) || explain(call, err);
        if (!kube_answer_parse(&reply, &answer, err))
                return explain(call, err);
        if (object)
                *object = answer;
        else
                json_decref(answer);
        return true;
}

bool kube_get(struct kube *kube, const char *path, json_t **object, struct error *err)
{
        return call_api(kube, &(struct call){ "reading", "GET", path, NULL, NULL, 0 }, object, err);
}

bool kube_get_page(struct kube *kube, const char *path, json_t **list, struct error *err)
{
        const struct call call = { "reading", "GET", path, NULL, NULL, LIMIT_KUBE_PAGE };

        return call_api(kube, &call, list, err);
}

bool kube_create(struct kube *kube, const char *path, const json_t *body, json_t **object,
                 struct error *err)
{
        const struct call call = { "creating", "POST", path, "application/json", body, 0 };

        return call_api(kube, &call, object, err);
}

bool kube_apply(struct kube *kube, const char *path, const char *manager, const json_t *body,
                json_t **object, struct error *err)
{
        scoped(buf_clear) struct buf target = { 0 };

        buf_printf(&target, "%s?fieldManager=", path);
        buf_add_escaped(&target, manager);
        buf_add(&target, "&force=true&fieldValidation=Strict");
        const struct call call = { "applying", "PATCH", target.text, "application/apply-patch+yaml",
                                   body,       0 };
        return call_api(kube, &call, object, err);
}

bool kube_patch(struct kube *kube, const char *path, const json_t *operations, json_t **object,
                struct error *err)
{
        const struct call call = { "patching", "PATCH", path, "application/json-patch+json",
                                   operations, 0 };

        return call_api(kube, &call, object, err);
}

bool kube_replace(struct kube *kube, const char *path, const json_t *body, json_t **object,
                  struct error *err)
{
        const struct call call = { "replacing", "PUT", path, "application/json", body, 0 };

        return call_api(kube, &call, object, err);
}

bool kube_delete(struct kube *kube, const char *path, const char *uid, const char *resource_version,
                 json_t **object, struct error *err)
{
        assert(uid);
        json_auto_t *options =
                json_pack("{s:s, s:s, s:{s:s, s:s*}}", "apiVersion", "v1", "kind", "DeleteOptions",
                          "preconditions", "uid", uid, "resourceVersion", resource_version);
        const struct call call = { "deleting", "DELETE", path, "application/json", options, 0 };
        return call_api(kube, &call, object, err);
}

static bool open_stream(struct kube *kube, struct trial *trial, struct http_stream **stream,
                        struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        enum outcome outcome = AGAIN;
        bool opened = false;

        while (outcome == AGAIN) {
                struct http_request request;

                if (!prepare(kube, trial, &request, err))
                        return false;
                request.timeout_ms = LIMIT_KUBE_TIMEOUT_MS;
                request.limit_bytes = LIMIT_KUBE_FRAME;
                http_reply_clear(&reply);
                opened = http_stream_open(kube->http, &request, stream, &reply, err);
                if (!opened && reply.status > 0)
                        (void)kube_answer_refuse(&reply, err);
                outcome = judge(kube, trial, &reply, reply.status, err);
        }
        return opened;
}

bool kube_stream(struct kube *kube, const char *path, struct http_stream **stream,
                 struct error *err)
{
        scoped(buf_clear) struct buf url = { 0 };
        const struct call call = { .doing = "watching", .method = "GET", .path = path };
        struct trial trial = { .call = &call, .url = &url };

        buf_printf(&url, "%s%s", kube->config.server, path);
        kube->users++;
        bool opened = open_stream(kube, &trial, stream, err);
        release(kube);
        return opened || explain(&call, err);
}
