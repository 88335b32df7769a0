/* http_client_private.h - the inside of the HTTP client, for its own files, from the top down:
 * http_stream.c and http_client.c call, http_transfer.c carries, http_receive.c takes in. */
#pragma once

#include <sys/queue.h>

#include <curl/curl.h>

#include "lib/fiber.h"
#include "lib/http/http_client.h"
#include "lib/http/turns.h"

#define TRANSFER_ORIGIN_SIZE 160

/* One easy handle on its way; lives in the function or in the stream that waits for it. */
struct transfer {
        LIST_ENTRY(transfer) entry; /* in client->transfers from start to stop */
        struct http_client *client;
        struct http_stream *stream; /* NULL: the body goes into reply */
        /* What arrives for it: how much was taken, or CURL_WRITEFUNC_PAUSE. */
        size_t (*receive)(struct http_stream *stream, const char *bytes, size_t length);
        CURL *easy; /* NULL: not prepared, or taken away by http_client_free() */
        struct curl_slist *headers, *connect_to;
        struct wait wait;
        struct http_reply reply;
        long connect_ms;   /* for a connection to come about */
        int connect_tries; /* connections left to try, with this one */
        size_t head_bytes;
        size_t limit_bytes;
        bool running; /* added to the multi handle */
        bool head_complete;
        bool over_limit;
        bool done;
        bool reused; /* it went over a connection that was open already */
        CURLcode result;
        long system_errno;
        char origin[TRANSFER_ORIGIN_SIZE]; /* "https://host:port": for errors */
        char words[CURL_ERROR_SIZE];
};

struct http_client {
        struct loop *loop;
        CURLM *multi;
        struct event *timer;
        struct turns turns;
        LIST_HEAD(, transfer) transfers;
        CURL *idle[4]; /* easy handles to be used again */
        size_t idle_count;
        char *user_agent;
        const char *certificate_advice; /* or NULL */
        size_t users; /* the owner, and whoever waits in here: the last one frees */
};

/* Copies all of the request but its body into an easy handle, before anything waits. */
bool transfer_prepare(struct http_client *client, struct transfer *transfer,
                      const struct http_request *request, struct error *err) must_check;
void transfer_start(struct transfer *transfer);
/* Off the multi handle; an unfinished one loses its connection. It can be started again. */
void transfer_stop(struct transfer *transfer);
/* Stops, gives the easy handle back, frees all but the client. */
void transfer_clear(struct transfer *transfer);
/* The client is closed: ends without an answer, and the easy handle is gone. */
void transfer_abandon(struct transfer *transfer);
/* What curl reported at the end; wakes the waiter. */
void transfer_finish(struct transfer *transfer, CURLcode result);
/* Sets err to why there is no answer; false. */
bool transfer_fail(const struct transfer *transfer, struct error *err);

/* curl's callbacks; and the state before a head, which may follow one of 1xx. */
size_t transfer_receive_head(char *bytes, size_t size, size_t count, void *argument);
size_t transfer_receive_body(char *bytes, size_t size, size_t count, void *argument);
void transfer_begin_head(struct transfer *transfer);

void http_client_hold(struct http_client *client);
void http_client_release(struct http_client *client);
