/* inquiry.h - who is at an address, asked once for all requests from there that came before it.
 *
 * A request never believes an answer that was asked for before it arrived: it shares the next one.
 * So a device that sends many requests at once costs tailscaled one WhoIs at a time, and nobody's
 * identity is older than their request. */
#pragma once

#include "lib/error.h"

struct inquiries;
struct loop;
struct tailscale_whois;

/* ask: says who is at "ip:port", and may wait; it runs on the fiber of one of those who want to
 * know. Borrows loop and owner for its life. */
struct inquiries *inquiries_new(struct loop *loop,
                                bool (*ask)(void *owner, const char *peer,
                                            struct tailscale_whois *whois, struct error *err),
                                void *owner);
void inquiries_free(struct inquiries *inquiries);

/* Who is at peer, "ip:port", where ip alone tells who it is: address is peer's ip. Waits for the
 * answer to one question before its own and for that, at most INQUIRY_WAIT_MS or the request's own
 * deadline. Errors are those of ask, and UNAVAILABLE. */
#define INQUIRY_WAIT_MS 11000
bool inquiries_ask(struct inquiries *inquiries, const char *address, const char *peer,
                   struct tailscale_whois *whois, struct error *err) must_check;
