/* handlers.h - one function per endpoint, and the tables that name them. */
#pragma once

#include "lib/http_server.h"

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

/* The routes on the tailnet, and those for probes and scrapes. Kept for ever. */
const struct http_route *routes_public(size_t *count);
const struct http_route *routes_health(size_t *count);
