#include "server/telemetry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/api/kube.h"
#include "lib/api/otlp.h"
#include "lib/daemon/metrics.h"
#include "lib/http/http_tls.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "server/identity.h"
#include "server/signin_store.h"

enum {
        LOGIN_ATTEMPTS,
        USER_SIGNINS,
        REQUESTS,
        REQUEST_SECONDS,
        TAILSCALED_UP,
        LOOP_LAG,
        CERTIFICATE_END,
        SPANS_SENT,
        SPANS_DROPPED
};

static const struct metric table[] = {
        [LOGIN_ATTEMPTS] = { "tka_login_attempts_total",
                            METRIC_COUNTER,   { "role", "outcome" },
                            "Requests to sign in or for a credential, by what became of them." },
        [USER_SIGNINS] = { "tka_user_signins_total",
                            METRIC_COUNTER,   { "role" },
                            "Sessions begun."                                                  },
        [REQUESTS] = { "tka_http_requests_total",
                            METRIC_COUNTER,   { "method", "route", "status" },
                            "Requests answered."                                               },
        [REQUEST_SECONDS] = { "tka_http_request_duration_seconds",
                            METRIC_HISTOGRAM, { "method", "route" },
                            "Time from a request's head to its answer."                        },
        [TAILSCALED_UP] = { "tka_tailscaled_running",
                            METRIC_GAUGE,     { NULL },
                            "1 while tailscaled answers and is Running."                       },
        [LOOP_LAG] = { "tka_loop_lag_seconds",
                            METRIC_GAUGE,     { NULL },
                            "How late the event loop last was."                                },
        [CERTIFICATE_END] = { "tka_certificate_expiry_timestamp_seconds",
                            METRIC_GAUGE,     { NULL },
                            "When the TLS certificate ends; 0 without one."                    },
        [SPANS_SENT] = { "tka_trace_spans_sent_total",
                            METRIC_COUNTER,   { NULL },
                            "Spans that the collector took."                                   },
        [SPANS_DROPPED] = { "tka_trace_spans_dropped_total",
                            METRIC_COUNTER,   { NULL },
                            "Spans that nobody took in time."                                  },
};

enum { ACTIVE_SESSIONS, WATCH_SYNCED, WATCH_RESTARTS, CLOCK_OFFSET, GRANT_CHECKS };

static const struct metric kube_table[] = {
        [ACTIVE_SESSIONS] = { "tka_active_user_sessions",
                             METRIC_GAUGE,   { "role" },
                             "Sessions provisioned and not over."                     },
        [WATCH_SYNCED] = { "tka_watch_synced",
                             METRIC_GAUGE,   { NULL },
                             "1 while the sessions are known."                        },
        [WATCH_RESTARTS] = { "tka_watch_restarts",
                             METRIC_GAUGE,   { NULL },
                             "How often the watch was begun again since the start."   },
        [CLOCK_OFFSET] = { "tka_clock_offset_seconds",
                             METRIC_GAUGE,   { NULL },
                             "The API server's clock less ours."                      },
        [GRANT_CHECKS] = { "tka_grant_checks_total",
                             METRIC_COUNTER, { "outcome" },
                             "Rounds of checking whether sessions are still granted." },
};

/* OTEL_SERVICE_NAME is what every OpenTelemetry program reads. */
static struct otlp *open_exporter(const struct server *server)
{
        const struct config *config = server->config;
        const char *service = getenv("OTEL_SERVICE_NAME");
        bool whole = strstr(config->otel_endpoint, "://") != NULL;
        scoped_free char *url =
                xasprintf("%s%s", whole ? "" : (config->otel_insecure ? "http://" : "https://"),
                          config->otel_endpoint);
        const struct otlp_options options = {
                url, service != NULL && *service != '\0' ? service : "tka-server", VERSION
        };

        return otlp_new(server->loop, &options);
}

void telemetry_init(struct server *server)
{
        if (server->config->otel_endpoint != NULL)
                server->otlp = open_exporter(server);
        server->metrics = metrics_new(table, ARRAY_LENGTH(table));
        server->kube_metrics = metrics_new(kube_table, ARRAY_LENGTH(kube_table));
}

void telemetry_stop(struct server *server)
{
        otlp_free(take(server->otlp));
}

void telemetry_clear(struct server *server)
{
        metrics_free(server->metrics);
        metrics_free(server->kube_metrics);
        server->metrics = server->kube_metrics = NULL;
}

/* Policies may name any role: only those of this cluster become labels. */
static const char *label_role(const struct server *server, const char *role)
{
        if (role[0] == '\0')
                return "none";
        return text_list_has(&server->config->settings.roles, role) ? role : "other";
}

void telemetry_count_attempt(struct server *server, const char *role, const char *outcome)
{
        const char *const labels[] = { label_role(server, role), outcome, NULL };

        metrics_add(server->metrics, LOGIN_ATTEMPTS, labels, 1);
}

void telemetry_count_signin(struct server *server, const char *role)
{
        const char *const labels[] = { label_role(server, role), NULL };

        metrics_add(server->metrics, USER_SIGNINS, labels, 1);
}

void telemetry_count_check(struct server *server, const char *outcome)
{
        const char *const labels[] = { outcome, NULL };

        metrics_add(server->kube_metrics, GRANT_CHECKS, labels, 1);
}

static int64_t read_clock_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void log_answer(enum log_level level, const struct http_outcome *outcome)
{
        char status[16], duration[32];

        snprintf(status, sizeof(status), "%d", outcome->status);
        snprintf(duration, sizeof(duration), "%.3f", (double)outcome->duration_us / 1000);
        log_event(level, "request", "trace_id", outcome->trace_id, "method", outcome->method,
                  "route", outcome->route, "target",
                  outcome->route[0] == '\0' ? outcome->target : NULL, "status", status,
                  "duration_ms", duration, "peer", outcome->peer, "message",
                  outcome->message[0] == '\0' ? NULL : outcome->message, NULL);
}

static void add_span(struct otlp *otlp, const struct http_outcome *outcome)
{
        int64_t now_ns = read_clock_ns();
        bool known = outcome->route[0] != '\0';
        scoped_free char *name = xasprintf("%s%s%s", known ? outcome->method : "HTTP",
                                           known ? " " : "", outcome->route);
        char status[16];
        const char *const attributes[][2] = {
                { "http.request.method",       known ? outcome->method : NULL },
                { "http.route",                known ? outcome->route : NULL  },
                { "http.response.status_code", status                         },
                { "client.address",            outcome->peer                  },
        };
        const struct otlp_span span = {
                .trace_id = outcome->trace_id,
                .span_id = outcome->span_id,
                .parent_id = outcome->parent_id,
                .name = name,
                .start_ns = now_ns - outcome->duration_us * 1000,
                .end_ns = now_ns,
                .attributes = attributes,
                .attribute_count = ARRAY_LENGTH(attributes),
                .failure = outcome->status >= 500 ? outcome->message : NULL,
        };

        snprintf(status, sizeof(status), "%d", outcome->status);
        otlp_add(otlp, &span);
}

void telemetry_note_answer(void *owner, const struct http_outcome *outcome)
{
        struct server *server = owner;
        char status[16];
        const char *method = outcome->route[0] == '\0' ? "" : outcome->method;

        snprintf(status, sizeof(status), "%d", outcome->status);
        const char *const labels[] = { method, outcome->route, status, NULL };
        const char *const duration_labels[] = { method, outcome->route, NULL };
        metrics_add(server->metrics, REQUESTS, labels, 1);
        metrics_observe(server->metrics, REQUEST_SECONDS, duration_labels,
                        (double)outcome->duration_us / 1000000);
        if (server->otlp != NULL && outcome->sampled)
                add_span(server->otlp, outcome);
        log_answer(outcome->status >= 500 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, outcome);
}

void telemetry_note_probe(void *owner, const struct http_outcome *outcome)
{
        (void)owner;
        log_answer(LOG_LEVEL_DEBUG, outcome);
}

void telemetry_print(void *owner, struct buf *text)
{
        struct server *server = owner;
        struct error err = { 0 };

        metrics_set(server->metrics, TAILSCALED_UP, NULL,
                    identity_is_running(server->identity, &err) ? 1 : 0);
        metrics_set(server->metrics, LOOP_LAG, NULL, (double)loop_lag_ms(server->loop) / 1000);
        metrics_set(server->metrics, CERTIFICATE_END, NULL,
                    server->tls == NULL ? 0 : (double)http_tls_expires(server->tls));
        if (server->otlp != NULL) {
                metrics_set(server->metrics, SPANS_SENT, NULL, (double)otlp_sent(server->otlp));
                metrics_set(server->metrics, SPANS_DROPPED, NULL,
                            (double)otlp_dropped(server->otlp));
        }
        metrics_print(server->metrics, text);
}

static void count_sessions(struct server *server)
{
        const struct text_list *roles = &server->config->settings.roles;

        metrics_reset(server->kube_metrics, ACTIVE_SESSIONS);
        for (size_t r = 0; r < roles->count; r++) {
                const char *const labels[] = { roles->items[r], NULL };
                double active = 0;

                for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                        const struct signin *signin = signin_store_at(server->signins, i);

                        if (strcmp(signin->spec.role, roles->items[r]) == 0 &&
                            signin->status.provisioned && signin->deletion_at == 0)
                                active++;
                }
                metrics_set(server->kube_metrics, ACTIVE_SESSIONS, labels, active);
        }
}

void telemetry_print_kube(void *owner, struct buf *text)
{
        struct server *server = owner;
        struct metrics *metrics = server->kube_metrics;

        count_sessions(server);
        metrics_set(metrics, WATCH_SYNCED, NULL, signin_store_is_synced(server->signins) ? 1 : 0);
        metrics_set(metrics, WATCH_RESTARTS, NULL, (double)signin_store_restarts(server->signins));
        metrics_set(metrics, CLOCK_OFFSET, NULL, (double)kube_clock_offset_seconds(server->kube));
        metrics_print(metrics, text);
}
