/* stand_in_kube_apiserver.c - an API server that answers at once, to see what tka-server costs.
 *
 *   stand_in_kube_apiserver ADDRESS PORT CERTIFICATE KEY
 *
 * Knows just what tka-server asks of it: an apply of a TkaSignin is answered as if tka-operator had
 * provisioned it already, any token asked for is the same one. TLS as the real one's; a thread for
 * every connection, so that it is nowhere near its limit. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define REQUEST_MAX 65536
#define UID "5d1f7f3e-0000-4000-8000-000000000001"
#define SIGNATURE_LENGTH 342 /* of RS256 in base64url */

struct request {
        int fd;
        SSL *tls;
        char bytes[REQUEST_MAX];
        size_t length;
        const char *method, *path, *body;
};

static SSL_CTX *context;
static char token[2048];

/* Whole, with its parts ended by NUL; false at the end of the connection. */
static bool read_request(struct request *request)
{
        char *end = NULL;
        size_t needed = 0;

        request->length = 0;
        while (!end || request->length < needed) {
                int got = SSL_read(request->tls, request->bytes + request->length,
                                   (int)(REQUEST_MAX - 1 - request->length));

                if (got <= 0)
                        return false;
                request->length += (size_t)got;
                request->bytes[request->length] = '\0';
                end = strstr(request->bytes, "\r\n\r\n");
                const char *length = strcasestr(request->bytes, "\r\nContent-Length:");

                if (end)
                        needed = (size_t)(end + 4 - request->bytes) +
                                 (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
        }
        char *rest = request->bytes;

        request->method = strsep(&rest, " ");
        request->path = strsep(&rest, " ");
        request->body = end + 4;
        return request->path != NULL;
}

static void write_text(SSL *tls, const char *text)
{
        (void)!SSL_write(tls, text, (int)strlen(text));
}

static void answer(const struct request *request, const json_t *body)
{
        scoped(buf_clear) struct buf text = { 0 };
        scoped(buf_clear) struct buf whole = { 0 };
        char date[TIMESTAMP_TEXT_SIZE];

        json_print(body, &text);
        buf_printf(&whole,
                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %s\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   timestamp_format_http_date(timestamp_now(), date), text.length, buf_text(&text));
        write_text(request->tls, whole.text);
}

static void answer_list(const struct request *request)
{
        json_auto_t *list = json_pack("{s:s, s:s, s:{s:s}, s:[]}", "kind", "TkaSigninList",
                                      "apiVersion", "tka.specht-labs.de/v1alpha1", "metadata",
                                      "resourceVersion", "1", "items");

        answer(request, list);
}

/* Open, and nothing ever happens. */
static void answer_watch(const struct request *request)
{
        write_text(request->tls, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
        pause();
}

static void answer_apply(const struct request *request)
{
        json_auto_t *object = json_loads(request->body, 0, NULL);
        json_t *metadata = json_object_get(object, "metadata");
        const char *name = json_string_value(json_object_get(metadata, "name"));

        json_object_set_new(metadata, "uid", json_string(UID));
        json_object_set_new(metadata, "resourceVersion", json_string("2"));
        json_object_set_new(metadata, "generation", json_integer(1));
        json_object_set_new(metadata, "creationTimestamp", json_string("2026-01-01T00:00:00Z"));
        json_object_set_new(object, "status",
                            json_pack("{s:b, s:i, s:{s:s, s:s}, s:[{s:s, s:s, s:s, s:s, s:s}]}",
                                      "provisioned", 1, "observedGeneration", 1, "serviceAccount",
                                      "name", name, "uid", UID, "conditions", "type", "Ready",
                                      "status", "True", "reason", "Provisioned", "message", "",
                                      "lastTransitionTime", "2026-01-01T00:00:00Z"));
        answer(request, object);
}

static void answer_token(const struct request *request)
{
        char expires[TIMESTAMP_TEXT_SIZE];
        json_auto_t *object =
                json_pack("{s:s, s:s, s:{s:s, s:s}}", "kind", "TokenRequest", "apiVersion",
                          "authentication.k8s.io/v1", "status", "token", token,
                          "expirationTimestamp", timestamp_format(timestamp_now() + 3600, expires));

        answer(request, object);
}

static void answer_anything(const struct request *request)
{
        json_auto_t *object = json_pack("{s:{s:s, s:s}}", "metadata", "name", "view", "uid", UID);

        answer(request, object);
}

static const struct {
        const char *method, *part;
        void (*answer)(const struct request *request);
} answers[] = {
        { "GET",   "watch=1",    answer_watch    },
        { "GET",   "tkasignins", answer_list     },
        { "PATCH", "tkasignins", answer_apply    },
        { "POST",  "/token",     answer_token    },
        { "",      "",           answer_anything },
};

static void *serve(void *argument)
{
        scoped_free struct request *request = argument;

        request->tls = SSL_new(context);
        SSL_set_fd(request->tls, request->fd);
        while ((SSL_is_init_finished(request->tls) || SSL_accept(request->tls) == 1) &&
               read_request(request)) {
                size_t i = 0;

                while (!strstr(request->method, answers[i].method) ||
                       !strstr(request->path, answers[i].part))
                        i++;
                answers[i].answer(request);
        }
        SSL_free(request->tls);
        close(request->fd);
        return NULL;
}

static void add_base64url(struct buf *buf, const char *text)
{
        scoped_free char *encoded = xcalloc(1, strlen(text) * 4 / 3 + 8);
        int length = EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text,
                                     (int)strlen(text));

        for (int i = 0; i < length && encoded[i] != '='; i++)
                buf_printf(buf, "%c",
                           encoded[i] == '+'   ? '-'
                           : encoded[i] == '/' ? '_'
                                               : encoded[i]);
}

/* As long as a real one, so that reading it costs the same. */
static void make_token(void)
{
        scoped(buf_clear) struct buf jwt = { 0 };
        scoped_free char *payload = xasprintf(
                "{\"aud\":[\"https://kubernetes.default.svc.cluster.local\"],\"exp\":%lld,"
                "\"iat\":%lld,\"iss\":\"https://kubernetes.default.svc.cluster.local\","
                "\"jti\":\"" UID "\",\"kubernetes.io\":{\"namespace\":\"tka\","
                "\"serviceaccount\":{\"name\":\"tka-user-alice-0123456789abcdef\",\"uid\":\"" UID
                "\"}},\"nbf\":%lld,\"sub\":\"system:serviceaccount:tka:tka-user-alice\"}",
                (long long)timestamp_now() + 86400, (long long)timestamp_now(),
                (long long)timestamp_now());

        add_base64url(&jwt, "{\"alg\":\"none\",\"kid\":\"a stand-in signs nothing\"}");
        buf_add(&jwt, ".");
        add_base64url(&jwt, payload);
        buf_add(&jwt, ".");
        for (int i = 0; i < SIGNATURE_LENGTH; i++)
                buf_add(&jwt, "A");
        snprintf(token, sizeof(token), "%s", jwt.text);
}

static int listen_at(const char *address, const char *port)
{
        struct sockaddr_in at = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int on = 1;

        at.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
        if (fd >= 0)
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
            bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 128) != 0) {
                fprintf(stderr, "stand_in_kube_apiserver: cannot listen at %s:%s\n", address, port);
                exit(EXIT_FAILURE);
        }
        return fd;
}

int main(int argc, char **argv)
{
        if (argc != 5) {
                fprintf(stderr, "usage: stand_in_kube_apiserver ADDRESS PORT CERTIFICATE KEY\n");
                return EXIT_FAILURE;
        }
        context = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1) {
                fprintf(stderr, "stand_in_kube_apiserver: %s does not go with %s\n", argv[3],
                        argv[4]);
                return EXIT_FAILURE;
        }
        signal(SIGPIPE, SIG_IGN);
        make_token();
        int listener = listen_at(argv[1], argv[2]);

        for (;;) {
                struct request *request = xcalloc(1, sizeof(*request));
                pthread_t thread;

                request->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (request->fd >= 0 && pthread_create(&thread, NULL, serve, request) == 0)
                        pthread_detach(thread);
                else
                        free(request);
        }
}
