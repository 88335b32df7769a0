#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/fiber.h"
#include "lib/file.h"
#include "lib/http_server.h"
#include "lib/kube.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "server/config.h"
#include "server/handlers.h"
#include "server/identity.h"
#include "server/listen.h"
#include "server/recheck.h"
#include "server/server.h"
#include "server/signin_store.h"
#include "server/telemetry.h"

#define USER_AGENT "tka-server/" VERSION
#define DRAIN_MS 10000

static void drain(void *argument)
{
        struct server *server = argument;

        http_server_drain(server->http, DRAIN_MS);
        loop_stop(server->loop);
}

static void stop(void *owner)
{
        struct server *server = owner;

        log_event(LOG_LEVEL_INFO, "stopping", NULL);
        if (server->draining)
                loop_stop(server->loop); /* asked twice */
        else
                fiber_start(server->loop, drain, server);
        server->draining = true;
}

static void clear_server(struct server *server)
{
        http_server_free(server->http);
        http_server_free(server->health);
        signin_store_free(server->signins);
        identity_free(server->identity);
        tailscale_free(server->tailscale);
        kube_free(server->kube);
        telemetry_clear(server);
        loop_free(server->loop);
}

static bool open_listeners(struct server *server, struct listen **listen, struct error *err)
{
        const struct config *config = server->config;
        struct http_server_options public = { .owner = server,
                                              .answered = telemetry_note_answer,
                                              .retry_after_seconds = config->retry_after_seconds };
        struct http_server_options health = { .owner = server,
                                              .answered = telemetry_note_probe,
                                              .retry_after_seconds = config->retry_after_seconds };

        public.routes = routes_public(&public.route_count);
        health.routes = routes_health(&health.route_count);
        server->http = http_server_new(server->loop, &public);
        server->health = http_server_new(server->loop, &health);
        if (!http_server_listen_on(server->health, config->health_address, (int)config->health_port,
                                   NULL, err))
                return error_wrap(err, "health.address");
        return listen_start(server, listen, err) || error_wrap(err, "tailscale.port");
}

static void open_clients(struct server *server, struct kube_config *kube_config)
{
        const struct config *config = server->config;

        server->loop = loop_new();
        server->kube = kube_new(server->loop, kube_config, USER_AGENT);
        server->tailscale = tailscale_new(server->loop, config->socket);
        server->identity = identity_new(server->loop, server->tailscale, config);
        server->signins = signin_store_new(server->loop, server->kube, config->session_namespace);
        telemetry_init(server);
}

static bool run(const struct config *config, struct kube_config *kube_config, struct error *err)
{
        scoped(clear_server) struct server server = { .config = config };
        scoped_free char *token_file = xstrdup(kube_config->token_file);
        scoped_free char *ca_file = xstrdup(kube_config->ca_file);
        const char *const files[] = { token_file, ca_file };
        struct listen *listen = NULL;

        open_clients(&server, kube_config);
        if (!open_listeners(&server, &listen, err) ||
            !daemon_confine(files, ARRAY_LENGTH(files), config->socket, err))
                return false;

        struct recheck *recheck = recheck_start(&server);
        loop_on_signal(server.loop, SIGTERM, stop, &server);
        loop_on_signal(server.loop, SIGINT, stop, &server);
        log_event(LOG_LEVEL_INFO, "started", "version", VERSION, "namespace",
                  config->session_namespace, "release_namespace", config->release_namespace, NULL);
        loop_run(server.loop);
        recheck_stop(recheck);
        listen_stop(listen);
        *err = server.fatal;
        return err->kind == ERROR_NONE;
}

static bool print_help(void)
{
        scoped(buf_clear) struct buf text = { 0 };

        buf_add(&text, "Usage: tka-server serve [flags]\n\n"
                       "Answers kubectl-tka on the tailnet: who asks is known from Tailscale, what "
                       "they may do\nfrom the tailnet's policy. Every flag is also TKA_SECTION_KEY "
                       "in the environment and\nsection.key in the file.\n\n");
        config_print_help(&text);
        fputs(buf_text(&text), stdout);
        return true;
}

static bool serve(int argc, char **argv, struct error *err)
{
        scoped(config_clear) struct config config = { 0 };
        scoped(kube_config_clear) struct kube_config kube_config = { 0 };

        file_forbid_core_dumps();
        if (!config_read(argc, argv, &config, err))
                return false;
        if (config.help)
                return print_help();
        log_init(config.log_level, config.log_format);
        if (!kube_config_read(config.kubeconfig, &kube_config, err))
                return error_wrap(err, "kubernetes.kubeconfig");
        return config_settle_namespaces(&config, kube_config.namespace_name, err) &&
               run(&config, &kube_config, err);
}

int main(int argc, char **argv)
{
        static const struct daemon_command commands[] = {
                { "serve", "run the server", serve },
        };

        return daemon_main("tka-server", commands, ARRAY_LENGTH(commands), argc, argv);
}
