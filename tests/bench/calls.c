/* calls.c - the same POST again and again, so many at once, as our own HTTP client sends it.
 *
 *   calls SECONDS AT_ONCE tka URL PATH
 *   calls SECONDS AT_ONCE kube KUBECONFIG PATH UID    a TokenRequest for the account of that uid
 *
 * Prints one line: answers, failures, answers a second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/fiber.h"
#include "lib/http/http_client.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/memory.h"

struct calls {
        struct loop *loop;
        struct http_client *http;
        struct http_request request;
        int64_t end_ms;
        size_t answers, failures, running;
        struct error err; /* of the last failure */
        struct wait over;
};

static void call_once(struct calls *calls)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        struct error err = { 0 };

        calls->answers++;
        if (!http_client_send(calls->http, &calls->request, &reply, &err))
                calls->err = err;
        else if (reply.status < 200 || reply.status > 299)
                error_set(&calls->err, ERROR_UNAVAILABLE, "%d %s", reply.status,
                          buf_text(&reply.body));
        else
                return;
        calls->failures++;
}

static void call_on(void *argument)
{
        struct calls *calls = argument;

        while (loop_now_ms() < calls->end_ms)
                call_once(calls);
        if (--calls->running == 0)
                wait_wake(&calls->over);
}

static void run(struct calls *calls, int64_t seconds, size_t at_once)
{
        int64_t start_ms = loop_now_ms();
        struct error err = { 0 };

        calls->end_ms = start_ms + seconds * 1000;
        calls->running = at_once;
        for (size_t i = 0; i < at_once; i++)
                fiber_start(calls->loop, call_on, calls);
        (void)!wait_for(calls->loop, &calls->over, -1, &err);
        printf("%zu %zu %.1f\n", calls->answers, calls->failures,
               (double)calls->answers * 1000 / (double)(loop_now_ms() - start_ms));
        if (calls->failures > 0)
                fprintf(stderr, "calls: the last failure: %s\n", calls->err.text);
}

static bool run_tka(struct calls *calls, char **arguments, struct error *err)
{
        scoped_free char *url = xasprintf("%s%s", arguments[3], arguments[4]);

        (void)err;
        calls->request.url = url;
        run(calls, strtoll(arguments[0], NULL, 10), strtoul(arguments[1], NULL, 10));
        return true;
}

static bool run_kube(struct calls *calls, char **arguments, struct error *err)
{
        scoped(kube_config_clear) struct kube_config config = { 0 };
        scoped(buf_clear) struct buf body = { 0 };
        json_auto_t *wish = json_pack(
                "{s:s, s:s, s:{s:s}, s:{s:i}}", "apiVersion", "authentication.k8s.io/v1", "kind",
                "TokenRequest", "metadata", "uid", arguments[5], "spec", "expirationSeconds", 3600);

        if (!kube_config_read(arguments[3], &config, err))
                return false;
        scoped_free char *url = xasprintf("%s%s", config.server, arguments[4]);

        json_print(wish, &body);
        calls->request.url = url;
        calls->request.body = buf_text(&body);
        calls->request.body_length = body.length;
        calls->request.content_type = "application/json";
        calls->request.bearer = &config.token;
        calls->request.ca_pem = config.ca_pem;
        run(calls, strtoll(arguments[0], NULL, 10), strtoul(arguments[1], NULL, 10));
        return true;
}

static const struct {
        const char *name;
        int arguments;
        bool (*run)(struct calls *calls, char **arguments, struct error *err);
} modes[] = {
        { "tka",  5, run_tka  },
        { "kube", 6, run_kube },
};

static bool start(char **arguments, int count, struct error *err)
{
        struct calls calls = {
                .loop = loop_new(),
                .request = { .method = "POST", .timeout_ms = 20000, .limit_bytes = 1 << 20 },
        };
        const struct http_client_options options = { .in_flight = strtoul(arguments[1], NULL, 10),
                                                     .user_agent = "tka-bench" };
        bool fine = error_set(err, ERROR_INVALID, "\"%s\" is neither tka nor kube", arguments[2]);

        calls.http = http_client_new(calls.loop, &options);
        for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
                if (strcmp(arguments[2], modes[i].name) == 0 && count == modes[i].arguments)
                        fine = modes[i].run(&calls, arguments, err);
        http_client_free(calls.http);
        loop_free(calls.loop);
        return fine;
}

int main(int argc, char **argv)
{
        struct error err = { 0 };

        if (argc < 6) {
                fprintf(stderr, "usage: calls SECONDS AT_ONCE tka URL PATH\n"
                                "       calls SECONDS AT_ONCE kube KUBECONFIG PATH UID\n");
                return EXIT_FAILURE;
        }
        if (start(argv + 1, argc - 1, &err))
                return EXIT_SUCCESS;
        fprintf(stderr, "calls: %s\n", err.text);
        return EXIT_FAILURE;
}
