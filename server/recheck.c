#include "server/recheck.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "server/grant.h"
#include "server/identity.h"
#include "server/server.h"
#include "server/session.h"
#include "server/signin_store.h"
#include "server/telemetry.h"

#define EVERY_MS 30000

struct recheck {
        struct server *server;
        struct fiber *fiber;
        struct text_list absent; /* uids of the sessions whose node the last round did not see */
        bool skipping;           /* said so */
};

static bool is_ours(const struct recheck *recheck, const struct signin *signin)
{
        const char *issuer = identity_issuer(recheck->server->identity);

        return issuer != NULL && signin->spec.issuer != NULL && signin->spec.node_id != NULL &&
               strcmp(signin->spec.issuer, issuer) == 0 && signin->deletion_at == 0;
}

static void list_nodes(const struct recheck *recheck, struct text_list *nodes)
{
        const struct signin_store *store = recheck->server->signins;

        for (size_t i = 0; i < signin_store_count(store); i++) {
                const struct signin *signin = signin_store_at(store, i);

                if (is_ours(recheck, signin) && !text_list_has(nodes, signin->spec.node_id))
                        text_list_add(nodes, signin->spec.node_id);
        }
}

static const struct tailscale_peer *find_peer(const struct tailscale_status *status,
                                              const char *node_id)
{
        for (size_t i = 0; i < status->peer_count; i++)
                if (strcmp(status->peers[i].node_id, node_id) == 0)
                        return &status->peers[i];
        return NULL;
}

/* login NULL: nobody's any longer. */
static void note_absent(const struct recheck *recheck, const char *node_id, const char *login,
                        struct text_list *absent)
{
        const struct signin_store *store = recheck->server->signins;

        for (size_t i = 0; i < signin_store_count(store); i++) {
                const struct signin *signin = signin_store_at(store, i);

                if (is_ours(recheck, signin) && strcmp(signin->spec.node_id, node_id) == 0 &&
                    (login == NULL || strcmp(signin->spec.username, login) != 0))
                        text_list_add(absent, signin->uid);
        }
}

/* What cannot be asked, read or ranked takes nothing away. Also of a node that seems to be offline:
 * that is what its connection to the control plane says, which its owner can cut. */
static void check_node(const struct recheck *recheck, const struct tailscale_peer *peer,
                       struct text_list *absent)
{
        struct server *server = recheck->server;
        scoped(tailscale_whois_clear) struct tailscale_whois whois = { 0 };
        scoped(capability_clear) struct capability capability = { 0 };
        struct error err = { 0 };

        if (peer->addresses.count == 0 ||
            !tailscale_whois(server->tailscale, peer->addresses.items[0], &whois, &err) ||
            strcmp(whois.node_id, peer->node_id) != 0)
                return;
        note_absent(recheck, peer->node_id, whois.login, absent);
        if (capability_decode(whois.capabilities, &server->config->capabilities, &capability,
                              &err) &&
            grant_rank(&capability, &err))
                session_judge(server, &whois, &capability, NULL);
}

/* Those that were absent in two rounds in a row. */
static void end_absent(struct recheck *recheck, const struct text_list *absent)
{
        struct server *server = recheck->server;
        scoped(text_list_clear) struct text_list names = { 0 };

        for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                const struct signin *signin = signin_store_at(server->signins, i);

                if (text_list_has(absent, signin->uid) &&
                    text_list_has(&recheck->absent, signin->uid) && signin->deletion_at == 0)
                        text_list_add(&names, signin->name);
        }
        for (size_t i = 0; i < names.count; i++) {
                scoped(signin_clear) struct signin judged = { 0 };
                const struct signin *found = signin_store_find(server->signins, names.items[i]);

                if (found == NULL || !text_list_has(absent, found->uid))
                        continue;
                signin_copy(&judged, found);
                session_withdraw(server, &judged, "its node is gone, or no longer the person's",
                                 NULL);
        }
}

/* While the control plane is away nobody is missed. */
static bool can_tell(const struct recheck *recheck, struct tailscale_status *status,
                     struct error *err)
{
        if (!signin_store_is_synced(recheck->server->signins))
                return error_set(err, ERROR_UNAVAILABLE, "the sessions are not all known");
        if (!tailscale_status(recheck->server->tailscale, true, status, err))
                return false;
        if (!status->running)
                return error_set(err, ERROR_UNAVAILABLE, "tailscaled is not running");
        if (!status->self.online)
                return error_set(err, ERROR_UNAVAILABLE, "the control plane is away");
        return true;
}

static void skip_round(struct recheck *recheck, const struct error *err)
{
        text_list_clear(&recheck->absent);
        telemetry_count_check(recheck->server, "skipped");
        if (!recheck->skipping)
                log_event(LOG_LEVEL_WARN, "sessions are not looked at again", "error", err->text,
                          NULL);
        recheck->skipping = true;
}

void recheck_run(struct recheck *recheck)
{
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };
        scoped(text_list_clear) struct text_list nodes = { 0 };
        scoped(text_list_clear) struct text_list absent = { 0 };
        struct error err = { 0 };

        if (!can_tell(recheck, &status, &err)) {
                skip_round(recheck, &err);
                return;
        }
        recheck->skipping = false;
        list_nodes(recheck, &nodes);
        for (size_t i = 0; i < nodes.count; i++) {
                const struct tailscale_peer *peer = find_peer(&status, nodes.items[i]);

                if (peer == NULL)
                        note_absent(recheck, nodes.items[i], NULL, &absent);
                else
                        check_node(recheck, peer, &absent);
        }
        end_absent(recheck, &absent);
        text_list_clear(&recheck->absent);
        recheck->absent = absent;
        absent = (struct text_list){ 0 };
        telemetry_count_check(recheck->server, "done");
}

static void run(void *argument)
{
        struct recheck *recheck = argument;
        struct error err = { 0 };

        while (wait_ms(recheck->server->loop, EVERY_MS, &err))
                recheck_run(recheck);
        text_list_clear(&recheck->absent);
        free(recheck);
}

struct recheck *recheck_start(struct server *server)
{
        struct recheck *recheck = xcalloc(1, sizeof(*recheck));

        recheck->server = server;
        recheck->fiber = fiber_start(server->loop, run, recheck);
        return recheck;
}

void recheck_stop(struct recheck *recheck)
{
        if (recheck != NULL)
                fiber_cancel(recheck->fiber);
}
