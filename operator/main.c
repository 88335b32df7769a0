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
#include "operator/config.h"
#include "operator/events.h"
#include "operator/health.h"
#include "operator/measures.h"
#include "operator/roles.h"

#define USER_AGENT "tka-operator/" VERSION
#define STOP_MS 10000

struct daemon {
        struct program program;
        struct health health;
        struct http_server *http;
};

static void drain(void *argument)
{
        struct daemon *daemon = argument;

        struct error err = { 0 };

        controller_stop(daemon->health.controller, STOP_MS);
        /* What was cancelled unwinds, so that nothing is left half done in memory either. */
        for (int i = 0; i < 50 && fiber_count() > 1 && wait_ms(daemon->program.loop, 10, &err); i++)
                continue;
        loop_stop(daemon->program.loop);
}

static void stop(void *owner)
{
        struct daemon *daemon = owner;

        log_event(LOG_LEVEL_INFO, "stopping", NULL);
        if (daemon->health.draining)
                loop_stop(daemon->program.loop); /* asked twice */
        else
                fiber_start(daemon->program.loop, drain, daemon);
        daemon->health.draining = true;
}

static void clear_daemon(struct daemon *daemon)
{
        http_server_free(daemon->http);
        controller_free(daemon->health.controller);
        events_free(daemon->program.events);
        roles_free(daemon->program.roles);
        kube_free(daemon->program.kube);
        metrics_free(daemon->program.metrics);
        loop_free(daemon->program.loop);
}

static void open_clients(struct daemon *daemon, const struct config *config,
                         struct kube_config *kube_config)
{
        struct program *program = &daemon->program;

        program->loop = loop_new();
        program->kube = kube_new(program->loop, kube_config, USER_AGENT);
        program->metrics = measures_new();
        program->roles = roles_new(program->kube);
        program->events = events_new(program->loop, program->kube);
        program->session_namespace = config->session_namespace;
        program->rules = (struct rules){ &config->roles, config->max_period_seconds };
        daemon->health.program = program;
}

static bool open_listener(struct daemon *daemon, const struct config *config, struct error *err)
{
        struct http_server_options options = { .owner = &daemon->health, .retry_after_seconds = 1 };

        options.routes = health_routes(&options.route_count);
        daemon->http = http_server_new(daemon->program.loop, &options);
        return http_server_listen_on(daemon->http, config->health_address, (int)config->health_port,
                                     NULL, err) ||
               error_wrap(err, "health.address");
}

static bool run(const struct config *config, struct kube_config *kube_config, struct error *err)
{
        scoped(clear_daemon) struct daemon daemon = { 0 };
        scoped_free char *token_file = xstrdup(kube_config->token_file);
        scoped_free char *ca_file = xstrdup(kube_config->ca_file);
        const char *const files[] = { token_file, ca_file };

        open_clients(&daemon, config, kube_config);
        loop_on_signal(daemon.program.loop, SIGTERM, stop, &daemon);
        loop_on_signal(daemon.program.loop, SIGINT, stop, &daemon);
        if (!open_listener(&daemon, config, err) ||
            !daemon_confine(files, ARRAY_LENGTH(files), NULL, err))
                return false;
        daemon.health.controller = controller_start(&daemon.program);
        log_event(LOG_LEVEL_INFO, "started", "version", VERSION, "namespace",
                  config->session_namespace, "release_namespace", config->release_namespace, NULL);
        loop_run(daemon.program.loop);
        log_event(LOG_LEVEL_INFO, "stopped", NULL);
        return true;
}

static bool print_run_help(void)
{
        scoped(buf_clear) struct buf text = { 0 };

        buf_add(&text, "Usage: tka-operator run [flags]\n\n"
                       "Turns each TkaSignin into a ServiceAccount with a binding, and takes both "
                       "away when the\nsession ends. Every flag is also TKA_SECTION_KEY in the "
                       "environment and section.key in\nthe file.\n\n");
        config_print_help(&text);
        fputs(buf_text(&text), stdout);
        return true;
}

static bool run_operator(int argc, char **argv, struct error *err)
{
        scoped(config_clear) struct config config = { 0 };
        scoped(kube_config_clear) struct kube_config kube_config = { 0 };

        file_forbid_core_dumps();
        if (!config_read(argc, argv, &config, err))
                return false;
        if (config.help)
                return print_run_help();
        log_init(config.log_level, config.log_format);
        if (!kube_config_read(config.kubeconfig, &kube_config, err))
                return error_wrap(err, "kubernetes.kubeconfig");
        return config_settle_namespaces(&config, kube_config.namespace_name, err) &&
               run(&config, &kube_config, err);
}

int main(int argc, char **argv)
{
        static const struct daemon_command commands[] = {
                { "run", "run the operator", run_operator },
        };

        return daemon_main("tka-operator", commands, ARRAY_LENGTH(commands), argc, argv);
}
