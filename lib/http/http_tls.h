/* http_tls.h - the certificate that an HTTP server shows, exchanged while it runs.
 *
 * TLS 1.2 and 1.3, forward secrecy and authenticated encryption alone, HTTP/1.1 by ALPN, no
 * resumption (a client of ours asks once), no renegotiation. */
#pragma once

#include "lib/error.h"

struct bufferevent;
struct event_base;
struct http_tls;

/* Without a certificate at first: nothing may be accepted until one is loaded. */
struct http_tls *http_tls_new(void);
void http_tls_free(struct http_tls *tls);

/* PEM texts: the chain, the server's own first, and its key; both may be the same text. Refuses
 * what does not belong together or is over, and then the one in use stays in use. Connections that
 * are open keep the one they began with. */
bool http_tls_load(struct http_tls *tls, const char *chain, const char *key,
                   struct error *err) must_check;
bool http_tls_is_loaded(const struct http_tls *tls);
/* When the server's own certificate ends, Unix seconds; 0 without one. */
int64_t http_tls_expires(const struct http_tls *tls);

/* A stream for a connection just accepted; takes the descriptor. tls NULL: a plain one. */
struct bufferevent *http_tls_open(struct http_tls *tls, struct event_base *base, int fd);
/* Tells the other end of such a stream that nothing more comes; nothing for a plain one. */
void http_tls_say_goodbye(struct bufferevent *stream);
