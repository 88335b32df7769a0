/* http_peers.h - how many connections each peer has open. */
#pragma once

#include "lib/error.h"

struct http_peer;
struct http_peers;

struct http_peers *http_peers_new(void);
/* When everybody has left. */
void http_peers_free(struct http_peers *peers);

/* One connection more of who is called that; NULL when it has limit of them already. */
struct http_peer *http_peers_join(struct http_peers *peers, const char *name,
                                  size_t limit) must_check;
/* One less. NULL is nobody. */
void http_peers_leave(struct http_peer *peer);
