#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/daemon/daemon.h"
#include "lib/fiber.h"
#include "lib/http/http_server.h"
#include "lib/http/http_tls.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "server/certificate.h"
#include "server/cluster.h"
#include "server/config.h"
#include "server/handlers.h"
#include "server/identity.h"
#include "server/listen.h"
#include "server/quota.h"
#include "server/recheck.h"
#include "server/server.h"
#include "server/signin_store.h"
#include "server/telemetry.h"

#define USER_AGENT "tka-server/" VERSION
#define DRAIN_MS 10000
#define WAITS_MS 5000 /* of these, for sessions that are on their way */

static void drain(void *argument)
{
        struct server *server = argument;

        server->drain = fiber_self();
        signin_store_end_waits(server->signins, loop_now_ms() + WAITS_MS);
        http_server_drain(server->http, DRAIN_MS);
        server->drain = NULL;
        loop_stop(server->loop);
}

static void stop(void *owner)
{
        struct server *server = owner;

        log_event(LOG_LEVEL_INFO, "stopping", NULL);
        if (server->drain != NULL)
                fiber_cancel(server->drain); /* asked twice */
        else if (!server->draining)
                fiber_start(server->loop, drain, server);
        server->draining = true;
}

static void clear_server(struct server *server)
{
        telemetry_stop(server); /* waits, and what is cancelled ends meanwhile: it needs the rest */
        http_server_free(server->http);
        http_server_free(server->health);
        http_tls_free(server->tls);
        signin_store_free(server->signins);
        cluster_free(server->cluster);
        quota_free(server->quota);
        identity_free(server->identity);
        tailscale_free(server->tailscale);
        kube_free(server->kube);
        telemetry_clear(server);
        loop_free(server->loop);
}

static bool open_listeners(struct server *server, struct listen **listen, struct error *err)
{
        const struct config *config = server->config;
        struct http_server_options options = { .owner = server,
                                               .answered = telemetry_note_answer,
                                               .tls = server->tls,
                                               .read_ms = config->read_seconds * 1000,
                                               .read_head_ms = config->read_header_seconds * 1000,
                                               .write_ms = config->write_seconds * 1000,
                                               .idle_ms = config->idle_seconds * 1000,
                                               .retry_after_seconds = config->retry_after_seconds };

        options.routes = routes_public(&options.route_count);
        server->http = http_server_new(server->loop, &options);
        server->probes = probes_of(server);
        server->health = health_listen(server->loop, &server->probes, config->daemon.health_address,
                                       config->daemon.health_port, err);
        return server->health != NULL &&
               (listen_start(server, listen, err) || error_wrap(err, "tailscale.port"));
}

static void open_clients(struct server *server, struct kube_config *kube_config)
{
        const struct config *config = server->config;

        server->loop = loop_new();
        server->kube = kube_new(server->loop, kube_config, USER_AGENT);
        server->tailscale = tailscale_new(server->loop, config->socket);
        server->identity = identity_new(server->loop, server->tailscale, config);
        server->signins =
                signin_store_new(server->loop, server->kube, config->settings.session_namespace);
        server->cluster = cluster_new(server->loop, server->kube, &config->cluster,
                                      &config->cluster_reference);
        server->quota = quota_new(config->requests_per_second, config->request_burst);
        telemetry_init(server);
}

static bool run(void *record, struct kube_config *kube_config, struct error *err)
{
        struct config *config = record;
        scoped(clear_server) struct server server = { .config = config };
        scoped_free char *token_file = xstrdup(kube_config->token_file);
        scoped_free char *ca_file = xstrdup(kube_config->ca_file);
        const char *const files[] = { token_file, ca_file, config->tls_cert_file,
                                      config->tls_key_file };
        struct certificate *certificate = NULL;
        struct listen *listen = NULL;

        if (!settings_settle_namespaces(&config->settings, kube_config->namespace_name, err))
                return false;
        open_clients(&server, kube_config);
        if (!certificate_start(&server, &certificate, err) ||
            !open_listeners(&server, &listen, err) ||
            !daemon_confine(files, ARRAY_LENGTH(files), config->socket, err))
                return false;

        struct recheck *recheck = recheck_start(&server);
        loop_on_signal(server.loop, SIGTERM, stop, &server);
        loop_on_signal(server.loop, SIGINT, stop, &server);
        log_event(LOG_LEVEL_INFO, "started", "version", VERSION, "namespace",
                  config->settings.session_namespace, "release_namespace",
                  config->settings.release_namespace, NULL);
        loop_run(server.loop);
        recheck_stop(recheck);
        listen_stop(listen);
        certificate_stop(certificate);
        *err = server.fatal;
        return err->kind == ERROR_NONE;
}

int main(int argc, char **argv)
{
        const struct daemon daemon = {
                .name = "tka-server",
                .verb = "serve",
                .summary = "signs people of a tailnet in to a Kubernetes cluster",
                .about = "Answers kubectl-tka on the tailnet: who asks is known from Tailscale, "
                         "what they may do\nfrom the tailnet's policy.",
                .see_also = "kubectl-tka(1) tka-config(5) tka-operator(8)",
                .config = config_table(),
                .run = run,
        };

        return daemon_main(&daemon, argc, argv);
}
