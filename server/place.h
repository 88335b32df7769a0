/* place.h - how many sessions one person may have on one device, those being begun included. */
#pragma once

#include "server/server.h"

/* A session that is being begun; lives in the function that begins it. */
struct place {
        struct place **first, *next; /* of the server's list, while it is taken */
        const struct tailscale_whois *whois;
        const char *name;
};

/* The session of that name counts as if it were there until place_leave(). DENIED when it is not
 * and there are LIMIT_NODE_SESSIONS of that person on that device already; UNAVAILABLE when with
 * those that are ending there are LIMIT_NODE_SESSIONS_HELD. Both are borrowed. What another server
 * begins counts once it is seen here. */
bool place_take(struct server *server, const struct tailscale_whois *whois, const char *name,
                struct place *place, struct error *err) must_check;
/* Of one that was not taken: nothing. */
void place_leave(struct place *place);
