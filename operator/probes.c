#include "operator/probes.h"

#include "lib/daemon/metrics.h"

static bool check(void *owner, struct error *err)
{
        const struct probes *probes = owner;

        if (probes->draining)
                return error_set(err, ERROR_UNAVAILABLE, "shutting down");
        if (probes->controller == NULL)
                return error_set(err, ERROR_UNAVAILABLE, "starting");
        return controller_check(probes->controller, err);
}

static void print(void *owner, struct buf *text)
{
        const struct probes *probes = owner;

        if (probes->controller != NULL)
                controller_measure(probes->controller);
        metrics_print(probes->program->metrics, text);
}

struct health probes_health(struct probes *probes)
{
        return (struct health){ .owner = probes,
                                .check = check,
                                .ready = "sessions are followed",
                                .print = print,
                                .print_controller = print };
}
