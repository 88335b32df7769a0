/* peer.h - which address a server's name stands for, once the local tailscaled has said whose it
 * is. Nothing is sent over plain HTTP to any other. */
#pragma once

#include "kubectl-tka/remote/config.h"

struct loop;
struct tailscale_peer;

struct peer_question {
        const struct config *config;
        struct loop *loop;
        const char *host;
        int64_t deadline_ms; /* of loop_now_ms(), for all that is waited for */
};
/* *address is the caller's; *online: tailscaled says that its node is there now. UNAVAILABLE: the
 * local tailscaled cannot say; DENIED: it says that no TKA server is there. Both with what to do
 * about it. */
bool peer_find(const struct peer_question *question, char **address, bool *online,
               struct error *err) must_check;

/* Whether one of the tags is wanted: wanted names a tag, or ends with '*' for all that begin so. */
bool peer_tags_match(const struct text_list *tags, const struct text_list *wanted);
/* By its host name, or its name in the tailnet's domain, whole or the first label. */
bool peer_has_name(const struct tailscale_peer *peer, const char *host);
