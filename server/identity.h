/* identity.h - who is calling: WhoIs, asked for every request, and what rules it out. */
#pragma once

#include "lib/api/tailscale.h"
#include "server/config.h"

struct http_exchange;
struct identity;
struct loop;

/* Borrows all three for its life. */
struct identity *identity_new(struct loop *loop, struct tailscale *tailscale,
                              const struct config *config);
void identity_free(struct identity *identity);

/* Asks tailscaled how it is. Kept, and asked again by requests that need it fresher. */
bool identity_refresh(struct identity *identity, struct error *err) must_check;
/* As last seen; never NULL, all zero at first. */
const struct tailscale_status *identity_status(const struct identity *identity);
/* UNAVAILABLE, saying why, while tailscaled is not known to run. */
bool identity_is_running(const struct identity *identity, struct error *err) must_check;
/* What spec.issuer says of sessions this server may judge; NULL until tailscaled has answered. */
const char *identity_issuer(const struct identity *identity);
/* MODE_AUTO until it is known. */
enum mode identity_mode(const struct identity *identity);

/* Checks 1 to 3 of every request: 403 from Funnel, 403 for who is unknown, expired or this very
 * node, 503 while that cannot be told, 400 for tagged nodes. *whois is filled as soon as it is
 * known, also when it is refused; the caller clears it. */
bool identity_check(struct identity *identity, const struct http_exchange *exchange,
                    struct tailscale_whois *whois, struct error *err) must_check;
