#include "server/certificate.h"
#include "server/cluster.h"
#include "server/handlers.h"
#include "server/identity.h"
#include "server/server.h"
#include "server/signin_store.h"
#include "server/telemetry.h"

/* Everything a login needs, as it is now. */
static bool check(void *owner, struct error *err)
{
        const struct server *server = owner;

        if (server->draining)
                return error_set(err, ERROR_UNAVAILABLE, "shutting down");
        if (!identity_is_running(server->identity, err))
                return false;
        if (!certificate_is_there(server, err))
                return false;
        if (!server->listening)
                return error_set(err, ERROR_UNAVAILABLE, "not listening on the tailnet: %s",
                                 server->trouble);
        if (!signin_store_is_synced(server->signins))
                return error_set(err, ERROR_UNAVAILABLE, "watching the sessions: %s",
                                 signin_store_trouble(server->signins));
        return cluster_info_now(server->cluster, err) != NULL;
}

struct health probes_of(struct server *server)
{
        return (struct health){ .owner = server,
                                .check = check,
                                .ready = "tailscale server is Running state",
                                .print = telemetry_print,
                                .print_controller = telemetry_print_kube,
                                .answered = telemetry_note_probe };
}
