/* server.h - one TKA server that has been authenticated, and what can be asked of it. */
#pragma once

#include "kubectl-tka/remote/config.h"
#include "lib/http/http_client.h"

struct server {
        char *url;
        char *address;  /* the confirmed one, or NULL: the certificate says who answers */
        bool online;    /* tailscaled says that its node is there: a way to it may still be made */
        bool connected; /* it is known who answers */
        struct loop *loop;
        bool shares_loop;
        struct http_client *http;
        int64_t deadline_ms; /* of loop_now_ms(), for everything asked */
};
void server_clear(struct server *server);

/* Everything asked from here on ends within timeout_ms. */
void server_init(struct server *server, int64_t timeout_ms);
/* The same on the loop of others, which outlives it: for many servers at once. */
void server_init_on(struct server *server, struct loop *loop, int64_t timeout_ms);
/* The same from now on, if that is sooner. */
void server_hurry(struct server *server, int64_t timeout_ms);
/* Finds out who answers at url; sends nothing there. Warns on stderr where --insecure-plain-http
 * lets anybody answer. */
bool server_connect(struct server *server, const struct config *config, const char *url,
                    struct error *err) must_check;

/* true: a 2xx answer. body may be NULL. */
bool server_get(struct server *server, const char *path, struct http_reply *reply,
                struct error *err) must_check;
bool server_post(struct server *server, const char *path, const json_t *body,
                 struct http_reply *reply, struct error *err) must_check;
