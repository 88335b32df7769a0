/* telemetry.h - what is counted and logged of every request, and /metrics. */
#pragma once

#include "lib/http/http_server.h"
#include "server/server.h"

void telemetry_init(struct server *server);
/* Sends the last spans, on the loop. */
void telemetry_stop(struct server *server);
void telemetry_clear(struct server *server);

/* http_server's callbacks: of the tailnet's listener, and of the quiet one for probes. */
void telemetry_note_answer(void *owner, const struct http_outcome *outcome);
void telemetry_note_probe(void *owner, const struct http_outcome *outcome);

/* A login or credential request that was decided. outcome: "created", "forbidden", ... */
void telemetry_count_attempt(struct server *server, const char *role, const char *outcome);
void telemetry_count_signin(struct server *server, const char *role);
void telemetry_count_check(struct server *server, const char *outcome);

/* /metrics and /metrics/controller. owner: the struct server. */
void telemetry_print(void *owner, struct buf *text);
void telemetry_print_kube(void *owner, struct buf *text);
