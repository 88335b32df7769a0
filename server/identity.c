#include "server/identity.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/http/http_server.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "schema/limits.h"
#include "server/gate.h"
#include "server/inquiry.h"
#include "server/owner.h"

#define FRESH_MS 1000  /* a snapshot this young settles a doubt */
#define STALE_MS 20000 /* one this old is none */
/* Longest wait for the list of peers that another request asks for. */
#define PEERS_MS (LIMIT_TAILSCALE_STATUS_MS + 1000)

struct identity {
        struct loop *loop;
        struct tailscale *tailscale;
        const struct config *config;
        struct gate *gate;           /* for connections that tailscaled's user made, */
        struct gate *far_gate;       /* and for all others, which cannot hold those up */
        struct inquiries *inquiries; /* TUN mode */
        struct tailscale_status status;
        char *issuer;
        int64_t asked_at_ms;        /* 0: never */
        int64_t answered_at_ms;     /* 0: never */
        struct text_list addresses; /* of all peers, TUN mode */
        int64_t peers_at_ms;        /* when they were last asked for */
        bool asking_peers, peers_told, peers_given_up;
        struct wait_crowd peers_came;
        char trouble[512];
};

static bool ask_whois(void *owner, const char *peer, struct tailscale_whois *whois,
                      struct error *err)
{
        return tailscale_whois(owner, peer, whois, err);
}

struct identity *identity_new(struct loop *loop, struct tailscale *tailscale,
                              const struct config *config)
{
        struct identity *identity = xcalloc(1, sizeof(*identity));

        identity->loop = loop;
        identity->tailscale = tailscale;
        identity->config = config;
        identity->gate = gate_new(loop, LIMIT_NEWCOMERS);
        identity->far_gate = gate_new(loop, LIMIT_STRANGERS);
        identity->inquiries = inquiries_new(loop, ask_whois, tailscale);
        snprintf(identity->trouble, sizeof(identity->trouble), "tailscaled was not asked yet");
        return identity;
}

void identity_free(struct identity *identity)
{
        if (identity == NULL)
                return;
        tailscale_status_clear(&identity->status);
        text_list_clear(&identity->addresses);
        gate_free(identity->gate);
        gate_free(identity->far_gate);
        inquiries_free(identity->inquiries);
        free(identity->issuer);
        free(identity);
}

/* Servers with the same tags judge the same sessions, so replicas share them. */
static void note_issuer(struct identity *identity)
{
        const struct tailscale_peer *self = &identity->status.self;
        scoped(buf_clear) struct buf issuer = { 0 };
        scoped(text_list_clear) struct text_list tags = { 0 };

        if (self->node_id == NULL)
                return;
        text_list_add_all(&tags, &self->tags);
        text_list_sort(&tags);
        if (tags.count == 0)
                text_list_add(&tags, self->node_id);
        text_list_print(&tags, &issuer);
        buf_add(&issuer, "/");
        text_list_print(&identity->config->capabilities, &issuer);
        free(identity->issuer);
        identity->issuer = buf_take(&issuer);
}

static void note_peers(struct identity *identity, const struct tailscale_status *status)
{
        text_list_clear(&identity->addresses);
        for (size_t i = 0; i < status->peer_count; i++)
                text_list_add_all(&identity->addresses, &status->peers[i].addresses);
        text_list_add_all(&identity->addresses, &status->self.addresses);
        text_list_sort(&identity->addresses);
}

bool identity_refresh(struct identity *identity, struct error *err)
{
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };

        identity->asked_at_ms = loop_now_ms();
        if (!tailscale_status(identity->tailscale, false, &status, err)) {
                if (fiber_is_cancelled()) /* says nothing of tailscaled */
                        return false;
                snprintf(identity->trouble, sizeof(identity->trouble), "%s", err->text);
                identity->status.running = false;
                return false;
        }
        identity->answered_at_ms = loop_now_ms();
        tailscale_status_clear(&identity->status);
        identity->status = status;
        status = (struct tailscale_status){ 0 };
        note_issuer(identity);
        return true;
}

const struct tailscale_status *identity_status(const struct identity *identity)
{
        return &identity->status;
}

const char *identity_issuer(const struct identity *identity)
{
        return identity->issuer;
}

enum mode identity_mode(const struct identity *identity)
{
        if (identity->config->mode != MODE_AUTO)
                return identity->config->mode;
        if (identity->answered_at_ms == 0)
                return MODE_AUTO;
        return identity->status.tun ? MODE_TUN : MODE_USERSPACE;
}

bool identity_is_running(const struct identity *identity, struct error *err)
{
        const struct tailscale_status *status = &identity->status;

        if (identity->answered_at_ms == 0 || loop_now_ms() - identity->answered_at_ms > STALE_MS ||
            status->backend_state == NULL)
                return error_set(err, ERROR_UNAVAILABLE, "tailscaled does not answer: %s",
                                 identity->trouble);
        if (!status->running)
                return error_set(err, ERROR_UNAVAILABLE, "tailscaled is not running: %s",
                                 strcmp(status->backend_state, "Running") == 0
                                         ? identity->trouble
                                         : status->backend_state);
        return true;
}

/* A doubt is settled by asking again, unless it was asked just now. */
static bool ensure_running(struct identity *identity, struct error *err)
{
        if (identity_is_running(identity, err))
                return true;
        if (loop_now_ms() - identity->asked_at_ms < FRESH_MS && identity->asked_at_ms != 0)
                return false;
        return identity_refresh(identity, err) && identity_is_running(identity, err);
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_known_address(const struct identity *identity, const char *address)
{
        return identity->addresses.count > 0 &&
               bsearch((const void *)&address, (const void *)identity->addresses.items,
                       identity->addresses.count, sizeof(*identity->addresses.items),
                       compare_texts) != NULL;
}

static bool ask_peers(struct identity *identity, struct error *err)
{
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };

        identity->asking_peers = true;
        bool told = tailscale_status(identity->tailscale, true, &status, err);
        identity->asking_peers = false;
        identity->peers_told = told;
        identity->peers_given_up = !told && (fiber_is_cancelled() || fiber_deadline_has_passed());
        if (told) {
                identity->peers_at_ms = loop_now_ms();
                note_peers(identity, &status);
        }
        wait_wake_all(&identity->peers_came);
        return told;
}

/* One request asks, and all that come meanwhile wait for what it learns. That it ended before says
 * nothing of tailscaled: then one of them asks. */
static bool refresh_peers(struct identity *identity, struct error *err)
{
        int64_t deadline_ms = loop_now_ms() + PEERS_MS;

        while (identity->asking_peers) {
                if (!wait_among(identity->loop, &identity->peers_came, loop_left_ms(deadline_ms),
                                err))
                        return false;
                if (!identity->peers_given_up)
                        return identity->peers_told ||
                               error_set(err, ERROR_UNAVAILABLE,
                                         "tailscaled did not say who is there");
        }
        if (loop_now_ms() - identity->peers_at_ms <= FRESH_MS && identity->peers_at_ms != 0)
                return true;
        return ask_peers(identity, err);
}

/* Refuses without asking who it is: looking up strangers holds up tailscaled. */
static bool check_tailnet_peer(struct identity *identity, const char *address, struct error *err)
{
        if (!tailscale_is_tailnet_address(address))
                return error_set(err, ERROR_DENIED, "%s is no address of the tailnet", address);
        if (!is_known_address(identity, address) && !refresh_peers(identity, err))
                return false;
        return is_known_address(identity, address) ||
               error_set(err, ERROR_DENIED, "nobody in the tailnet is known at %s", address);
}

/* "[fd7a::2]:80" and "100.64.0.2:80" without brackets and port. */
static void cut_address(const char *peer, char address[INET6_ADDRSTRLEN])
{
        const char *end = strrchr(peer, ':');
        const char *start = peer[0] == '[' ? peer + 1 : peer;

        if (end == NULL)
                end = peer + strlen(peer);
        if (end > start && end[-1] == ']')
                end--;
        snprintf(address, INET6_ADDRSTRLEN, "%.*s", (int)(end - start), start);
}

static bool check_address(struct identity *identity, const char *address, struct error *err)
{
        switch (identity_mode(identity)) {
        case MODE_TUN:
                return check_tailnet_peer(identity, address, err);
        case MODE_USERSPACE:
                return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
                       error_set(err, ERROR_DENIED, "%s did not come through tailscaled", address);
        case MODE_AUTO:
                break;
        }
        return error_set(err, ERROR_UNAVAILABLE, "tailscaled was not asked yet");
}

/* Which gate a local connection has to pass before tailscaled is asked about it. */
static struct gate *choose_gate(const struct identity *identity,
                                const struct http_exchange *exchange)
{
        return owner_is_tailscaled(http_exchange_peer(exchange), http_exchange_local(exchange),
                                   identity->config->socket)
                       ? identity->gate
                       : identity->far_gate;
}

static bool look_up_gated(struct identity *identity, const struct http_exchange *exchange,
                          struct tailscale_whois *whois, struct error *err)
{
        const char *peer = http_exchange_peer_text(exchange);
        struct gate *gate = choose_gate(identity, exchange);
        bool held = false;

        if (!gate_enter(gate, peer, &held, err))
                return false;
        bool known = tailscale_whois(identity->tailscale, peer, whois, err);
        gate_leave(gate, peer, held,
                   known                          ? GATE_KNOWN
                   : err->kind == ERROR_NOT_FOUND ? GATE_UNKNOWN
                                                  : GATE_UNTOLD);
        return known;
}

/* Behind a tailscaled in userspace the port alone tells one caller from another. */
static bool look_up(struct identity *identity, const struct http_exchange *exchange,
                    const char *address, struct tailscale_whois *whois, struct error *err)
{
        if (identity_mode(identity) == MODE_USERSPACE)
                return look_up_gated(identity, exchange, whois, err);
        return inquiries_ask(identity->inquiries, address, http_exchange_peer_text(exchange), whois,
                             err);
}

/* A tailscaled that has just started knows nobody either. */
static bool refuse_unknown(struct identity *identity, const char *peer, struct error *err)
{
        if (loop_now_ms() - identity->answered_at_ms > FRESH_MS && !identity_refresh(identity, err))
                return false;
        return identity_is_running(identity, err) &&
               error_set(err, ERROR_DENIED, "nobody in the tailnet is known at %s", peer);
}

static bool judge(const struct identity *identity, const struct tailscale_whois *whois,
                  struct error *err)
{
        const char *self = identity->status.self.node_id;

        if (self == NULL)
                return error_set(err, ERROR_UNAVAILABLE, "tailscaled did not say who we are");
        if (whois->expired) {
                error_set(err, ERROR_DENIED, "the key of node \"%s\" has expired",
                          whois->node_name);
                return error_advise(err, "run 'tailscale up --force-reauth' on it");
        }
        if (strcmp(whois->node_id, self) == 0)
                return error_set(err, ERROR_DENIED,
                                 "the request comes from the server's own node, which is nobody");
        if (whois->tags.count > 0)
                return error_set(err, ERROR_INVALID, "tagged nodes not (yet) supported");
        return true;
}

bool identity_check(struct identity *identity, const struct http_exchange *exchange,
                    struct tailscale_whois *whois, struct error *err)
{
        const char *peer = http_exchange_peer_text(exchange);
        char address[INET6_ADDRSTRLEN];

        if (http_exchange_has_header(exchange, "Tailscale-Funnel-Request"))
                return error_set(err, ERROR_DENIED, "Unauthorized request from Funnel");
        cut_address(peer, address);
        if (!ensure_running(identity, err) || !check_address(identity, address, err))
                return false;
        if (!look_up(identity, exchange, address, whois, err)) {
                if (err->kind != ERROR_NOT_FOUND)
                        return false;
                return refuse_unknown(identity, peer, err);
        }
        return judge(identity, whois, err);
}
