#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/kube.h"
#include "lib/daemon/daemon.h"
#include "lib/fiber.h"
#include "lib/http/http_server.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "operator/config.h"
#include "operator/drain.h"
#include "operator/events.h"
#include "operator/measures.h"
#include "operator/probes.h"
#include "operator/roles.h"

#define USER_AGENT "tka-operator/" VERSION
#define STOP_MS 10000

struct running {
        struct program program;
        struct probes probes;
        struct health health;
        struct http_server *http;
};

static void drain(void *argument)
{
        struct running *running = argument;

        struct error err = { 0 };

        controller_stop(running->probes.controller, STOP_MS);
        /* What was cancelled unwinds, so that nothing is left half done in memory either. */
        for (int i = 0; i < 50 && fiber_count() > 1 && wait_ms(running->program.loop, 10, &err);
             i++)
                continue;
        loop_stop(running->program.loop);
}

static void stop(void *owner)
{
        struct running *running = owner;

        log_event(LOG_LEVEL_INFO, "stopping", NULL);
        if (running->probes.draining)
                loop_stop(running->program.loop); /* asked twice */
        else
                fiber_start(running->program.loop, drain, running);
        running->probes.draining = true;
}

static void clear_running(struct running *running)
{
        http_server_free(running->http);
        controller_free(running->probes.controller);
        events_free(running->program.events);
        roles_free(running->program.roles);
        kube_free(running->program.kube);
        metrics_free(running->program.metrics);
        loop_free(running->program.loop);
}

static void open_clients(struct running *running, const struct config *config,
                         struct kube_config *kube_config)
{
        struct program *program = &running->program;

        program->loop = loop_new();
        program->kube = kube_new(program->loop, kube_config, USER_AGENT);
        program->metrics = measures_new();
        program->roles = roles_new(program->kube);
        program->events = events_new(program->loop, program->kube);
        program->session_namespace = config->settings.session_namespace;
        program->release_namespace = config->settings.release_namespace;
        program->rules =
                (struct rules){ &config->settings.roles, config->settings.min_period_seconds,
                                config->settings.max_period_seconds };
        running->probes.program = program;
}

static bool run(void *record, struct kube_config *kube_config, struct error *err)
{
        struct config *config = record;
        scoped(clear_running) struct running running = { 0 };
        scoped_free char *token_file = xstrdup(kube_config->token_file);
        scoped_free char *ca_file = xstrdup(kube_config->ca_file);
        const char *const files[] = { token_file, ca_file };

        if (!settings_settle_namespaces(&config->settings, kube_config->namespace_name, err))
                return false;
        open_clients(&running, config, kube_config);
        loop_on_signal(running.program.loop, SIGTERM, stop, &running);
        loop_on_signal(running.program.loop, SIGINT, stop, &running);
        running.health = probes_health(&running.probes);
        running.http =
                health_listen(running.program.loop, &running.health, config->daemon.health_address,
                              config->daemon.health_port, err);
        if (running.http == NULL || !daemon_confine(files, ARRAY_LENGTH(files), NULL, err))
                return false;
        running.probes.controller = controller_start(&running.program);
        log_event(LOG_LEVEL_INFO, "started", "version", VERSION, "namespace",
                  config->settings.session_namespace, "release_namespace",
                  config->settings.release_namespace, NULL);
        loop_run(running.program.loop);
        log_event(LOG_LEVEL_INFO, "stopped", NULL);
        return true;
}

int main(int argc, char **argv)
{
        static const struct daemon_errand errand = {
                .name = "drain",
                .summary = "before an uninstall: end every session, and let nobody begin another",
                .about = "Takes away the right by which tka-server writes sessions, ends every "
                         "session there is, and\nwaits until a running tka-operator has taken away "
                         "what each had: what comes before\nan uninstall.",
                .run = drain_run,
        };
        const struct daemon daemon = {
                .name = "tka-operator",
                .verb = "run",
                .summary = "gives the sessions of tka-server their rights, and takes them away",
                .about = "Turns each TkaSignin into a ServiceAccount with a binding, and takes "
                         "both away when the\nsession ends.",
                .see_also = "kubectl-tka(1) tka-config(5) tka-server(8)",
                .config = config_table(),
                .run = run,
                .errand = &errand,
        };

        return daemon_main(&daemon, argc, argv);
}
