/* tailscale.h - the local tailscaled, asked over its LocalAPI socket.
 *
 * Calls wait (lib/fiber.h), at most LIMIT_TAILSCALE_TIMEOUT_MS where nothing else is said,
 * LIMIT_TAILSCALE_IN_FLIGHT at once. */
#pragma once

#include <jansson.h>

#include "lib/json.h"

#define TAILSCALE_SOCKET "/var/run/tailscale/tailscaled.sock"

struct loop;
struct tailscale;

struct tailscale_whois {
        char *login;           /* UserProfile.LoginName, whole */
        char *user_id;         /* UserProfile.ID in decimal */
        char *node_id;         /* Node.StableID */
        char *node_name;       /* Node.ComputedName, else the first label of Node.Name */
        struct text_list tags; /* Node.Tags */
        bool expired;          /* Node.Expired */
        bool online;           /* Node.Online: it speaks with the control plane */
        json_t *capabilities;  /* CapMap object, or NULL */
};
void tailscale_whois_clear(struct tailscale_whois *whois);

struct tailscale_peer {
        char *node_id; /* its stable ID */
        char *name;    /* HostName */
        char *dns_name;
        struct text_list addresses; /* TailscaleIPs */
        struct text_list tags;
        bool online;
};

struct tailscale_status {
        char *backend_state; /* "Running", "NeedsLogin", "Stopped", ... */
        bool running;        /* backend_state is "Running" and there is an address */
        bool tun;
        struct text_list certificate_domains; /* names it can have certificates for */
        struct tailscale_peer self;
        struct tailscale_peer *peers;
        size_t peer_count;
};
void tailscale_status_clear(struct tailscale_status *status);

/* socket_path is copied. */
struct tailscale *tailscale_new(struct loop *loop, const char *socket_path);
void tailscale_free(struct tailscale *tailscale);
/* From here on no call waits beyond that instant of loop_now_ms(). */
void tailscale_hurry(struct tailscale *tailscale, int64_t deadline_ms);

/* Who is at "ip:port" (or at "ip"). NOT_FOUND: tailscaled knows nobody there; UNAVAILABLE: it could
 * not be asked or answered nonsense. */
bool tailscale_whois(struct tailscale *tailscale, const char *address,
                     struct tailscale_whois *whois, struct error *err) must_check;
/* peers: false asks for the own node alone, which is quick; true waits LIMIT_TAILSCALE_STATUS_MS at
 * most. What nobody reads of the answer is never in memory. */
bool tailscale_status(struct tailscale *tailscale, bool peers, struct tailscale_status *status,
                      struct error *err) must_check;
/* The TLS certificate of a domain and its key, PEM, appended to *pair, which has a limit. Fetched
 * by tailscaled where it has none yet: at most LIMIT_TAILSCALE_CERTIFICATE_MS. */
bool tailscale_certificate(struct tailscale *tailscale, const char *domain, struct buf *pair,
                           struct error *err) must_check;
/* What both read from an answer with status 200. UNAVAILABLE when it makes no sense. */
bool tailscale_whois_decode(const char *text, size_t length, struct tailscale_whois *whois,
                            struct error *err) must_check;
bool tailscale_status_decode(const char *text, size_t length, struct tailscale_status *status,
                             struct error *err) must_check;
/* IPv4 in 100.64.0.0/10 or IPv6 in fd7a:115c:a1e0::/48: an address only a tailnet gives out. */
bool tailscale_is_tailnet_address(const char *address);
