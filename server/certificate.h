/* certificate.h - the certificate of the tailnet's listener: from files, or from tailscaled, and
 * again whenever it changes. */
#pragma once

#include "server/server.h"

struct certificate;

/* Gives the server its tls, or none where none is configured; files are read at once, and what they
 * lack is an error. *certificate is NULL where there is none. */
bool certificate_start(struct server *server, struct certificate **certificate,
                       struct error *err) must_check;
void certificate_stop(struct certificate *certificate);
/* UNAVAILABLE, with the reason, while TLS is wanted and there is no certificate. */
bool certificate_is_there(const struct server *server, struct error *err) must_check;
