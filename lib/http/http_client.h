/* http_client.h - outgoing HTTP: libcurl's multi interface on our loop, one call at a time to read.
 *
 * Calls wait (lib/fiber.h). Never follows redirects, never uses a proxy from the environment, never
 * leaves a certificate unchecked unless the request says insecure. */
#pragma once

#include "lib/buf.h"
#include "lib/secret.h"

struct http_client;
struct http_stream;
struct loop;

struct http_client_options {
        size_t in_flight;       /* calls at once; more wait their turn within their own time-out */
        const char *user_agent; /* borrowed for ever */
        /* What a person can do about a server's certificate that is not valid; NULL: nothing is
         * said. Borrowed for ever. */
        const char *certificate_advice;
};

/* All but the body is copied before the first wait. */
struct http_request {
        const char *method; /* NULL: GET */
        const char *url;    /* http or https */
        const char *body;   /* NULL: none */
        size_t body_length;
        const char *content_type;
        const char *accept;
        const char *const *headers;  /* "Name: value", ended by NULL; or NULL */
        const struct secret *bearer; /* or NULL */
        const char *address;         /* connect to this IP address instead of resolving, or NULL */
        const char *proxy;           /* socks5h://..., or NULL: none */
        const char *ca_pem;          /* NULL: the system's */
        const char *client_certificate_pem, *client_key_pem; /* or NULL */
        const char *tls_server_name; /* the name to verify instead of the URL's, or NULL */
        bool insecure;               /* no certificate check: loud at whoever sets it */
        int64_t timeout_ms;          /* the whole call */
        int64_t connect_timeout_ms;  /* 0: as timeout_ms */
        int connect_tries;  /* 0: one; each further one has twice as long as the one before */
        size_t limit_bytes; /* most bytes of the answer's body */
};

struct http_reply {
        int status;
        char content_type[64];
        int64_t retry_after_seconds; /* -1: none */
        int64_t date;                /* the Date header in Unix seconds, 0: none */
        char trace_id[33];           /* the Trace-Id header, or "" */
        struct buf body;
};
void http_reply_clear(struct http_reply *reply);

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options);
/* Calls under way are ended with an error first. */
void http_client_free(struct http_client *client);

/* true: an answer of whatever status. false: there was none; ERROR_UNAVAILABLE, or ERROR_INVALID
 * for an answer over the limit or one that is not HTTP. Retries once on a fresh connection when a
 * kept one turned out dead. */
bool http_client_send(struct http_client *client, const struct http_request *request,
                      struct http_reply *reply, struct error *err) must_check;

/* A call whose answer does not end, on a connection of its own: watch. It breaks off when nothing
 * is heard of the other side's TCP for 6 s. timeout_ms is the time until the head. On a status
 * other than 200, false with the status in err->http_status, and *reply filled if not NULL. *stream
 * is the caller's. */
bool http_stream_open(struct http_client *client, const struct http_request *request,
                      struct http_stream **stream, struct http_reply *reply,
                      struct error *err) must_check;
/* The next line without its newline, in *line (borrowed until the next call); false with ERROR_NONE
 * in err->kind at a proper end. timeout_ms is for this line; a line over limit_bytes is an error.
 */
bool http_stream_read_line(struct http_stream *stream, int64_t timeout_ms, const char **line,
                           size_t *length, struct error *err) must_check;
void http_stream_free(struct http_stream *stream);
