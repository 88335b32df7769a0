#include "lib/http/http_client.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "lib/http/http_client_private.h"
#include "lib/loop.h"
#include "lib/memory.h"

static size_t clients;

static void *realloc_wiped(void *pointer, size_t size)
{
        size_t old = pointer ? malloc_usable_size(pointer) : 0;
        void *grown;

        if (pointer && old >= size)
                return pointer;
        grown = xmalloc(size);
        if (pointer)
                memcpy(grown, pointer, old);
        free_wiped(pointer);
        return grown;
}

/* Tokens pass through curl's own copies, so that all it frees is wiped. */
static void start_curl(void)
{
        if (clients++ > 0)
                return;
        CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free_wiped,
                                             realloc_wiped, xstrdup, xcalloc);
        assert(code == CURLE_OK);
        (void)code;
}

static void stop_curl(void)
{
        if (--clients == 0)
                curl_global_cleanup();
}

static void collect_finished(struct http_client *client)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(client->multi, &left))) {
                struct transfer *transfer = NULL;

                if (message->msg != CURLMSG_DONE)
                        continue;
                CURLcode result = message->data.result;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
                transfer_finish(transfer, result);
        }
}

static void on_socket_ready(evutil_socket_t fd, short events, void *argument)
{
        struct http_client *client = argument;
        int flags = (events & EV_READ ? CURL_CSELECT_IN : 0) |
                    (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
        int running;

        curl_multi_socket_action(client->multi, fd, flags, &running);
        collect_finished(client);
}

static void on_timer(evutil_socket_t fd, short events, void *argument)
{
        struct http_client *client = argument;
        int running;

        (void)fd;
        (void)events;
        curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect_finished(client);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *assigned)
{
        struct http_client *client = argument;
        struct event *event = assigned;
        short events = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
                               (what & CURL_POLL_OUT ? EV_WRITE : 0));

        (void)easy;
        if (event)
                event_free(event);
        event = NULL;
        if (what != CURL_POLL_REMOVE) {
                event = event_new(loop_base(client->loop), fd, events, on_socket_ready, client);
                event_add(event, NULL);
        }
        curl_multi_assign(client->multi, fd, event);
        return 0;
}

static int set_timer(CURLM *multi, long delay_ms, void *argument)
{
        struct http_client *client = argument;
        struct timeval delay = { .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000 };

        (void)multi;
        if (delay_ms < 0)
                evtimer_del(client->timer);
        else
                evtimer_add(client->timer, &delay);
        return 0;
}

struct http_client *http_client_new(struct loop *loop, const struct http_client_options *options)
{
        struct http_client *client = xcalloc(1, sizeof(*client));

        start_curl();
        *client = (struct http_client){
                .loop = loop,
                .multi = curl_multi_init(),
                .timer = evtimer_new(loop_base(loop), on_timer, client),
                .user_agent = xstrdup(options->user_agent),
                .certificate_advice = options->certificate_advice,
                .users = 1,
        };
        turns_init(&client->turns, loop, options->in_flight);
        LIST_INIT(&client->transfers);
        curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
        curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
        curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
        curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
        curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)client->turns.most);
        return client;
}

void http_client_hold(struct http_client *client)
{
        client->users++;
}

void http_client_release(struct http_client *client)
{
        if (--client->users > 0)
                return;
        free(client->user_agent);
        free(client);
        stop_curl();
}

/* Whoever waits in a call finds it ended when its fiber goes on, which may be after this. */
void http_client_free(struct http_client *client)
{
        struct transfer *transfer;

        if (!client)
                return;
        turns_close(&client->turns);
        while ((transfer = LIST_FIRST(&client->transfers)))
                transfer_abandon(transfer);
        while (client->idle_count > 0)
                curl_easy_cleanup(client->idle[--client->idle_count]);
        curl_multi_cleanup(take(client->multi));
        event_free(take(client->timer));
        http_client_release(client);
}

/* A connection was there, with TLS where it has to be. */
static bool was_asked(const struct transfer *transfer)
{
        curl_off_t connected_us = 0;

        curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
        return connected_us > 0;
}

static bool run_once(struct transfer *transfer, int64_t timeout_ms, int64_t deadline_ms,
                     struct error *err)
{
        transfer_start(transfer);
        while (!transfer->done)
                if (!wait_for(transfer->client->loop, &transfer->wait, loop_left_ms(deadline_ms),
                              err))
                        break;
        transfer_stop(transfer);
        if (transfer->done)
                return transfer->result == CURLE_OK || transfer_fail(transfer, err);
        if (fiber_is_cancelled())
                return error_wrap(err, "%s", transfer->origin);
        return error_set(err, ERROR_UNAVAILABLE, "%s: no %s within %lld ms", transfer->origin,
                         was_asked(transfer) ? "answer" : "connection", (long long)timeout_ms);
}

/* The server closed a kept connection just as we used it: nothing was answered. */
static bool met_a_dead_connection(const struct transfer *transfer)
{
        switch ((int)transfer->result) {
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
                return transfer->reused && transfer->head_bytes == 0;
        default:
                return false;
        }
}

/* There was no connection to ask on, so nothing was sent. Another has another port: a way that is
 * shut for the one may be open for the other. */
static bool may_connect_again(struct transfer *transfer)
{
        return transfer->result == CURLE_OPERATION_TIMEDOUT && --transfer->connect_tries > 0;
}

static void connect_for_longer(struct transfer *transfer)
{
        transfer->connect_ms *= 2;
        curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, transfer->connect_ms);
}

static bool run(struct transfer *transfer, int64_t timeout_ms, int64_t deadline_ms,
                struct error *err)
{
        bool fresh = false;

        while (!run_once(transfer, timeout_ms, deadline_ms, err)) {
                if (!transfer->done || transfer->client->turns.closed ||
                    loop_left_ms(deadline_ms) == 0)
                        return false;
                if (may_connect_again(transfer)) {
                        connect_for_longer(transfer);
                        continue;
                }
                if (fresh || !met_a_dead_connection(transfer))
                        return false;
                fresh = true;
                curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
        }
        return true;
}

bool http_client_send(struct http_client *client, const struct http_request *request,
                      struct http_reply *reply, struct error *err)
{
        struct transfer transfer = { 0 };
        int64_t deadline_ms = loop_now_ms() + request->timeout_ms;

        assert(request->timeout_ms > 0);
        if (!transfer_prepare(client, &transfer, request, err))
                return false;
        http_client_hold(client);
        bool answered = false;
        if (!turns_take(&client->turns, deadline_ms, err)) {
                (void)error_wrap(err, "%s", transfer.origin);
        } else {
                answered = run(&transfer, request->timeout_ms, deadline_ms, err);
                turns_give(&client->turns);
        }
        if (answered) {
                http_reply_clear(reply);
                *reply = transfer.reply;
                transfer.reply = (struct http_reply){ 0 };
        }
        transfer_clear(&transfer);
        http_client_release(client);
        return answered;
}

void http_reply_clear(struct http_reply *reply)
{
        buf_clear(&reply->body);
        *reply = (struct http_reply){ .retry_after_seconds = -1 };
}
