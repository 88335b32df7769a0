/* server.h - what every part of the running daemon shares. */
#pragma once

#include "lib/api/tailscale.h"
#include "lib/daemon/health.h"
#include "schema/capability.h"
#include "server/config.h"

struct cluster;
struct fiber;
struct identity;
struct kube;
struct loop;
struct metrics;
struct place;
struct quota;
struct signin_store;

struct server {
        struct loop *loop;
        const struct config *config;
        struct kube *kube;
        struct tailscale *tailscale;
        struct identity *identity;
        struct signin_store *signins;
        struct place *places; /* of sessions that are being begun */
        struct cluster *cluster;
        struct quota *quota;
        struct otlp *otlp;                      /* or NULL: no traces are wanted */
        struct metrics *metrics, *kube_metrics; /* of /metrics and /metrics/controller */
        struct http_server *http, *health;
        struct health probes;
        struct http_tls *tls;  /* of http; NULL: plain */
        char tls_trouble[512]; /* why there is no certificate, "" */
        bool listening;        /* wherever tailscaled says that the tailnet reaches us */
        char trouble[512];     /* why it is not */
        bool draining;         /* a signal came */
        struct fiber *drain;   /* while it runs */
        struct error fatal;    /* what ended the program; NONE: a signal */
};

/* Who asks, and what the policy says of them. */
struct caller {
        struct tailscale_whois whois;
        struct capability capability; /* empty for routes that need identity alone */
        struct error refusal;         /* for routes that report: why the rules grant nothing */
        const char *trace_id;
        char role[LIMIT_ROLE + 1]; /* decided by the handler, for metrics; "" */
        char outcome[16];          /* likewise: "created", "extended", "kept" */
};
