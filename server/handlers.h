/* handlers.h - one function per endpoint, and the tables that name them. */
#pragma once

#include "lib/daemon/health.h"

struct caller;
struct server;

bool handle_login(struct server *server, struct caller *caller, struct http_exchange *exchange,
                  struct error *err);
bool handle_login_status(struct server *server, struct caller *caller,
                         struct http_exchange *exchange, struct error *err);
bool handle_logout(struct server *server, struct caller *caller, struct http_exchange *exchange,
                   struct error *err);
bool handle_credential(struct server *server, struct caller *caller, struct http_exchange *exchange,
                       struct error *err);
bool handle_kubeconfig(struct server *server, struct caller *caller, struct http_exchange *exchange,
                       struct error *err);
bool handle_cluster_info(struct server *server, struct caller *caller,
                         struct http_exchange *exchange, struct error *err);
bool handle_access(struct server *server, struct caller *caller, struct http_exchange *exchange,
                   struct error *err);
bool handle_openapi(struct server *server, struct caller *caller, struct http_exchange *exchange,
                    struct error *err);
bool handle_swagger(struct server *server, struct caller *caller, struct http_exchange *exchange,
                    struct error *err);
bool handle_page(struct server *server, struct caller *caller, struct http_exchange *exchange,
                 struct error *err);

/* The routes on the tailnet. Kept for ever. */
const struct http_route *routes_public(size_t *count);
/* What probes and scrapes are answered. */
struct health probes_of(struct server *server);
