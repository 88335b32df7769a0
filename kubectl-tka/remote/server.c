#include "kubectl-tka/remote/server.h"

#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/local/report.h"
#include "kubectl-tka/remote/peer.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "schema/error_body.h"
#include "schema/limits.h"

/* 1 s, 2 s, and 4 s where tailscaled says that the node is there: WireGuard begins a handshake
 * again after 5 s when a packet of it got lost. A userspace tailscaled hears nothing from a port
 * whose last connection ended in the server's closing it, for 60 s: hence more than one from the
 * start. */
#define CONNECT_MS 1000
#define CONNECT_TRIES 2
#define CONNECT_TRIES_ONLINE 3
#define LIMIT_SERVER_ANSWER (1 << 20)

void server_clear(struct server *server)
{
        if (server->http)
                http_client_free(server->http);
        if (server->loop && !server->shares_loop)
                loop_free(server->loop);
        free(server->url);
        free(server->address);
        *server = (struct server){ 0 };
}

/* "http://tka:8123" is "tka"; "http://[fd7a::1]" is "fd7a::1". */
static char *host_of(const char *url)
{
        const char *host = strstr(url, "://") + 3;

        if (host[0] == '[')
                return xstrndup(host + 1, strcspn(host + 1, "]"));
        return xstrndup(host, strcspn(host, ":"));
}

void server_init_on(struct server *server, struct loop *loop, int64_t timeout_ms)
{
        static const struct http_client_options options = {
                .in_flight = 4,
                .user_agent = "kubectl-tka/" VERSION,
                .certificate_advice = "have this machine trust its CA, use the name that it was "
                                      "issued for, or renew it",
        };

        *server = (struct server){ .deadline_ms = loop_now_ms() + timeout_ms,
                                   .loop = loop,
                                   .shares_loop = true };
        server->http = http_client_new(loop, &options);
}

void server_init(struct server *server, int64_t timeout_ms)
{
        server_init_on(server, loop_new(), timeout_ms);
        server->shares_loop = false;
}

void server_hurry(struct server *server, int64_t timeout_ms)
{
        int64_t deadline_ms = loop_now_ms() + timeout_ms;

        if (deadline_ms < server->deadline_ms)
                server->deadline_ms = deadline_ms;
}

bool server_connect(struct server *server, const struct config *config, const char *url,
                    struct error *err)
{
        scoped_free char *host = host_of(url);
        const struct peer_question question = { config, server->loop, host, server->deadline_ms };

        server->url = xstrdup(url);
        if (strncmp(url, "https://", 8) != 0 && config->insecure_plain_http)
                report_warning("--insecure-plain-http: nobody checks who answers at %s", url);
        else if (strncmp(url, "https://", 8) != 0 &&
                 !peer_find(&question, &server->address, &server->online, err))
                return error_wrap(err, "%s", url);
        server->connected = true;
        return true;
}

static bool send(struct server *server, struct http_request *request, const char *path,
                 struct http_reply *reply, struct error *err)
{
        scoped_free char *url = xasprintf("%s%s", server->url, path);
        int64_t left_ms = loop_left_ms(server->deadline_ms);

        if (left_ms == 0)
                return error_set(err, ERROR_UNAVAILABLE, "%s: no answer in time", server->url);
        request->url = url;
        request->accept = "application/json";
        request->address = server->address;
        request->timeout_ms = left_ms;
        request->connect_timeout_ms = left_ms < CONNECT_MS ? left_ms : CONNECT_MS;
        request->connect_tries = server->online ? CONNECT_TRIES_ONLINE : CONNECT_TRIES;
        request->limit_bytes = LIMIT_SERVER_ANSWER;
        if (!http_client_send(server->http, request, reply, err))
                return false;
        if (reply->status >= 200 && reply->status < 300)
                return true;
        return error_body_decode(reply->status, buf_text(&reply->body), reply->body.length, err);
}

bool server_get(struct server *server, const char *path, struct http_reply *reply,
                struct error *err)
{
        struct http_request request = { 0 };

        return send(server, &request, path, reply, err);
}

bool server_post(struct server *server, const char *path, const json_t *body,
                 struct http_reply *reply, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };
        struct http_request request = { .method = "POST", .content_type = "application/json" };

        if (body)
                json_print(body, &text);
        request.body = buf_text(&text);
        request.body_length = text.length;
        return send(server, &request, path, reply, err);
}
