/* request.h - what a request asks for: its body, query and headers. */
#pragma once

#include "lib/http/http_server.h"
#include "schema/login.h"
#include "server/grant.h"
#include "server/server.h"

/* What this cluster hands out. Borrows from the configuration. */
struct grant_limits request_limits(const struct server *server);
/* DENIED when a web page made a browser send it: for requests that change something. */
bool request_check_origin(const struct http_exchange *exchange, struct error *err) must_check;
/* The body of POST login, logout and credential; 415 when it is said to be something else than
 * JSON. */
bool request_read_body(const struct http_exchange *exchange, struct login_request *request,
                       struct error *err) must_check;
/* Reads the body and decides what it gets. grant borrows from request and caller. */
bool request_decide(struct server *server, struct caller *caller,
                    const struct http_exchange *exchange, struct login_request *request,
                    struct grant *grant, struct error *err) must_check;
/* "?role=edit": INVALID when malformed; "" when absent; 403 when no rule grants it. */
bool request_read_role(const struct caller *caller, const struct http_exchange *exchange,
                       char role[LIMIT_ROLE + 1], struct error *err) must_check;
/* Prefer: wait=N (RFC 7240) in milliseconds, at most 30 s; 0 when absent. */
int64_t request_wait_ms(const char *prefer);
/* Whether Accept (RFC 9110, 12.5.1; NULL: absent) likes YAML better than JSON. */
bool request_prefers_yaml(const char *accept);
