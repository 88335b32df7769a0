#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http/http_client_private.h"
#include "lib/memory.h"

#define CONNECTION_AGE_SECONDS 60L /* API servers drop idle ones after about 90 s */
#define KEEPALIVE_IDLE_SECONDS 3L
#define KEEPALIVE_INTERVAL_SECONDS 1L
#define UNACKNOWLEDGED_MS 6000 /* TCP_USER_TIMEOUT of a stream: it is dead after so long */

static void clear_url(CURLU **url)
{
        curl_url_cleanup(*url);
}

static void clear_curl_text(char **text)
{
        curl_free(*text);
}

static char *get_url_part(CURLU *url, CURLUPart part, unsigned flags)
{
        char *text = NULL;

        return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool is_clean(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        return false;
        return true;
}

static void add_header(struct transfer *transfer, const char *name, const char *value)
{
        scoped_free char *line = xasprintf("%s%s", name, value);

        transfer->headers = curl_slist_append(transfer->headers, line);
}

/* Connects to another place than the URL's host, which TLS and Host go on naming. */
static void connect_to(struct transfer *transfer, const char *host, const char *port)
{
        bool bare_ipv6 = strchr(host, ':') && host[0] != '[';
        scoped_free char *target =
                xasprintf("::%s%s%s:%s", bare_ipv6 ? "[" : "", host, bare_ipv6 ? "]" : "", port);

        transfer->connect_to = curl_slist_append(NULL, target);
        curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
}

/* curl verifies the name in the URL: so the other name goes there, and Host keeps the old one. */
static void verify_as(struct transfer *transfer, CURLU *url, const char *tls_server_name)
{
        scoped(clear_curl_text) char *host = get_url_part(url, CURLUPART_HOST, 0);
        scoped(clear_curl_text) char *port = get_url_part(url, CURLUPART_PORT, 0);
        scoped_free char *value = xasprintf("%s%s%s", host, port ? ":" : "", port ? port : "");

        add_header(transfer, "Host: ", value);
        curl_url_set(url, CURLUPART_HOST, tls_server_name, 0);
}

static bool set_target(struct transfer *transfer, const struct http_request *request,
                       struct error *err)
{
        scoped(clear_url) CURLU *url = curl_url();
        if (curl_url_set(url, CURLUPART_URL, request->url, CURLU_DISALLOW_USER) != CURLUE_OK)
                return error_set(err, ERROR_INVALID, "\"%s\" is no URL", request->url);

        scoped(clear_curl_text) char *scheme = get_url_part(url, CURLUPART_SCHEME, 0);
        scoped(clear_curl_text) char *host = get_url_part(url, CURLUPART_HOST, 0);
        scoped(clear_curl_text) char *port = get_url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        if (!scheme || !host || !port ||
            (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
                return error_set(err, ERROR_INVALID, "\"%s\" is no http or https URL",
                                 request->url);

        snprintf(transfer->origin, sizeof(transfer->origin), "%s://%s:%s", scheme, host, port);
        if (request->address || request->tls_server_name)
                connect_to(transfer, request->address ? request->address : host, port);
        if (request->tls_server_name)
                verify_as(transfer, url, request->tls_server_name);
        scoped(clear_curl_text) char *whole = get_url_part(url, CURLUPART_URL, 0);
        if (!whole)
                return error_set(err, ERROR_INVALID, "\"%s\" is no host name",
                                 request->tls_server_name ? request->tls_server_name : host);
        curl_easy_setopt(transfer->easy, CURLOPT_URL, whole);
        return true;
}

static bool set_blob(CURL *easy, CURLoption option, const char *text)
{
        scoped_free char *copy = xstrdup(text);
        struct curl_blob blob = { .data = copy, .flags = CURL_BLOB_COPY };

        if (!text)
                return true;
        blob.len = strlen(text);
        return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/* CURLOPT_CAPATH must go as well: curl would believe the system's CAs beside the one given. */
static bool set_tls(CURL *easy, const struct http_request *request, struct error *err)
{
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request->insecure ? 0L : 1L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request->insecure ? 0L : 2L);
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
        if (request->ca_pem)
                curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        if (set_blob(easy, CURLOPT_CAINFO_BLOB, request->ca_pem) &&
            set_blob(easy, CURLOPT_SSLCERT_BLOB, request->client_certificate_pem) &&
            set_blob(easy, CURLOPT_SSLKEY_BLOB, request->client_key_pem))
                return true;
        return error_set(err, ERROR_INTERNAL, "curl takes no certificates from memory");
}

static bool has_body(const char *method)
{
        return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
               strcmp(method, "PATCH") == 0;
}

static void set_method(CURL *easy, const struct http_request *request)
{
        const char *method = request->method ? request->method : "GET";

        if (request->body || has_body(method)) {
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
                curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                 (curl_off_t)(request->body ? request->body_length : 0));
        }
        if (strcmp(method, "HEAD") == 0)
                curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        else
                curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static bool set_headers(struct transfer *transfer, const struct http_request *request,
                        struct error *err)
{
        add_header(transfer, "Expect:", "");
        if (request->content_type)
                add_header(transfer, "Content-Type: ", request->content_type);
        if (request->accept)
                add_header(transfer, "Accept: ", request->accept);
        for (size_t i = 0; request->headers && request->headers[i]; i++)
                add_header(transfer, request->headers[i], "");
        for (const struct curl_slist *line = transfer->headers; line; line = line->next)
                if (!is_clean(line->data))
                        return error_set(err, ERROR_INVALID, "\"%s\" is no header", line->data);
        curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);

        if (!request->bearer || secret_is_empty(request->bearer))
                return true;
        if (!is_clean(secret_text(request->bearer)))
                return error_set(err, ERROR_INVALID, "the token holds a control character");
        curl_easy_setopt(transfer->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(transfer->easy, CURLOPT_XOAUTH2_BEARER, secret_text(request->bearer));
        return true;
}

static int set_socket_options(void *argument, curl_socket_t fd, curlsocktype purpose)
{
        int timeout_ms = UNACKNOWLEDGED_MS;

        (void)argument;
        (void)purpose;
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
        return CURL_SOCKOPT_OK;
}

/* A stream has a connection of its own: a reader that falls behind holds up nobody else. */
static void set_stream(CURL *easy)
{
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
        curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_socket_options);
}

/* HTTP/1.1 throughout: docs/internals/kube.md says why. */
static void set_transport(struct transfer *transfer, const struct http_request *request)
{
        CURL *easy = transfer->easy;

        transfer->connect_ms = (long)(request->connect_timeout_ms > 0 ? request->connect_timeout_ms
                                                                      : request->timeout_ms);
        transfer->connect_tries = request->connect_tries;
        curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->words);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never waits for a name look-up's end */
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy ? request->proxy : "");
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
        curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, CONNECTION_AGE_SECONDS);
        curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, transfer->connect_ms);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, transfer->client->user_agent);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, transfer_receive_head);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, transfer_receive_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
        if (transfer->stream)
                set_stream(easy);
}

static CURL *take_easy(struct http_client *client)
{
        return client->idle_count > 0 ? client->idle[--client->idle_count] : curl_easy_init();
}

static void give_easy(struct http_client *client, CURL *easy)
{
        if (!easy)
                return;
        if (client->turns.closed || client->idle_count == ARRAY_LENGTH(client->idle)) {
                curl_easy_cleanup(easy);
                return;
        }
        curl_easy_reset(easy);
        client->idle[client->idle_count++] = easy;
}

bool transfer_prepare(struct http_client *client, struct transfer *transfer,
                      const struct http_request *request, struct error *err)
{
        transfer->client = client;
        transfer->easy = take_easy(client);
        transfer->limit_bytes = request->limit_bytes;
        buf_init(&transfer->reply.body, request->limit_bytes);
        set_transport(transfer, request);
        set_method(transfer->easy, request);
        if (set_target(transfer, request, err) && set_tls(transfer->easy, request, err) &&
            set_headers(transfer, request, err))
                return true;
        transfer_clear(transfer);
        return false;
}

void transfer_start(struct transfer *transfer)
{
        struct http_client *client = transfer->client;

        buf_clear(&transfer->reply.body);
        transfer_begin_head(transfer);
        transfer->words[0] = '\0';
        transfer->head_bytes = 0;
        transfer->head_complete = transfer->over_limit = transfer->done = false;
        transfer->wait = (struct wait){ 0 };
        transfer->running = true;
        LIST_INSERT_HEAD(&client->transfers, transfer, entry);
        curl_multi_add_handle(client->multi, transfer->easy);
}

void transfer_stop(struct transfer *transfer)
{
        if (!transfer->running)
                return;
        transfer->running = false;
        LIST_REMOVE(transfer, entry);
        curl_multi_remove_handle(transfer->client->multi, transfer->easy);
}

void transfer_clear(struct transfer *transfer)
{
        transfer_stop(transfer);
        give_easy(transfer->client, take(transfer->easy));
        curl_slist_free_all(take(transfer->headers));
        curl_slist_free_all(take(transfer->connect_to));
        buf_clear(&transfer->reply.body);
}

void transfer_abandon(struct transfer *transfer)
{
        transfer_stop(transfer);
        give_easy(transfer->client, take(transfer->easy));
        transfer_finish(transfer, CURLE_ABORTED_BY_CALLBACK);
}

void transfer_finish(struct transfer *transfer, CURLcode result)
{
        long connects = 0;

        if (transfer->easy) {
                curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
                curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &transfer->system_errno);
        }
        transfer->reused = connects == 0;
        transfer->result = result;
        transfer->done = true;
        wait_wake(&transfer->wait);
}

static const struct {
        CURLcode code;
        enum error_kind kind;
        bool detail; /* with what curl says */
        const char *words;
} failures[] = {
        { CURLE_COULDNT_RESOLVE_HOST,     ERROR_UNAVAILABLE, false, "no such host"                 },
        { CURLE_COULDNT_RESOLVE_PROXY,    ERROR_UNAVAILABLE, false, "no such proxy"                },
        { CURLE_OPERATION_TIMEDOUT,       ERROR_UNAVAILABLE, false, "no connection in time"        },
        { CURLE_GOT_NOTHING,              ERROR_UNAVAILABLE, false, "closed without an answer"     },
        { CURLE_SEND_ERROR,               ERROR_UNAVAILABLE, false, "broke off while asked"        },
        { CURLE_RECV_ERROR,               ERROR_UNAVAILABLE, false, "broke off while answering"    },
        { CURLE_PARTIAL_FILE,             ERROR_UNAVAILABLE, false, "broke off while answering"    },
        { CURLE_ABORTED_BY_CALLBACK,      ERROR_UNAVAILABLE, false, "the client was closed"        },
        { CURLE_PEER_FAILED_VERIFICATION, ERROR_UNAVAILABLE, true,  "its certificate is not valid" },
        { CURLE_SSL_CACERT_BADFILE,       ERROR_UNAVAILABLE, false, "the CA is no PEM certificate" },
        { CURLE_SSL_CERTPROBLEM,          ERROR_UNAVAILABLE, true,  "our client certificate"       },
        { CURLE_SSL_CONNECT_ERROR,        ERROR_UNAVAILABLE, true,  "no TLS"                       },
        { CURLE_UNSUPPORTED_PROTOCOL,     ERROR_INVALID,     false, "the answer is not HTTP"       },
        { CURLE_WEIRD_SERVER_REPLY,       ERROR_INVALID,     false, "the answer is not HTTP"       },
};

static bool advise(const struct transfer *transfer, struct error *err)
{
        const char *advice = transfer->client->certificate_advice;

        return transfer->result == CURLE_PEER_FAILED_VERIFICATION && advice
                       ? error_advise(err, "%s", advice)
                       : false;
}

bool transfer_fail(const struct transfer *transfer, struct error *err)
{
        const char *origin = transfer->origin;

        if (transfer->over_limit)
                return error_set(err, ERROR_INVALID, "%s: the answer is larger than %zu bytes",
                                 origin, transfer->limit_bytes);
        for (size_t i = 0; i < ARRAY_LENGTH(failures); i++)
                if (failures[i].code == transfer->result)
                        return error_set(err, failures[i].kind, "%s: %s%s%s", origin,
                                         failures[i].words, failures[i].detail ? ": " : "",
                                         failures[i].detail ? transfer->words : "") ||
                               advise(transfer, err);
        if (transfer->result == CURLE_COULDNT_CONNECT && transfer->system_errno)
                return error_set(err, ERROR_UNAVAILABLE, "%s: cannot connect: %s", origin,
                                 strerror((int)transfer->system_errno));
        return error_set(err, ERROR_UNAVAILABLE, "%s: %s", origin,
                         transfer->words[0] ? transfer->words
                                            : curl_easy_strerror(transfer->result));
}
