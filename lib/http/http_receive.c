#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/http/http_client_private.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

static void read_header(struct http_reply *reply, const char *name, const char *value)
{
        struct error ignored = { 0 };
        int64_t instant = 0;

        if (strcasecmp(name, "content-type") == 0)
                snprintf(reply->content_type, sizeof(reply->content_type), "%s", value);
        else if (strcasecmp(name, "trace-id") == 0)
                snprintf(reply->trace_id, sizeof(reply->trace_id), "%s", value);
        else if (strcasecmp(name, "date") == 0 &&
                 timestamp_parse_http_date(value, &instant, &ignored))
                reply->date = instant;
        else if (strcasecmp(name, "retry-after") != 0)
                return;
        else if (value[0] && strlen(value) < 10 && strspn(value, "0123456789") == strlen(value))
                reply->retry_after_seconds = strtoll(value, NULL, 10);
        else if (timestamp_parse_http_date(value, &instant, &ignored))
                reply->retry_after_seconds =
                        instant > timestamp_now() ? instant - timestamp_now() : 0;
}

void transfer_begin_head(struct transfer *transfer)
{
        transfer->reply.status = 0;
        transfer->reply.content_type[0] = '\0';
        transfer->reply.trace_id[0] = '\0';
        transfer->reply.date = 0;
        transfer->reply.retry_after_seconds = -1;
}

static void end_head(struct transfer *transfer)
{
        long status = 0;

        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status < 200) /* 100 Continue and the like: the answer is still to come */
                return;
        transfer->reply.status = (int)status;
        transfer->head_complete = true;
        if (transfer->stream)
                wait_wake(&transfer->wait);
}

size_t transfer_receive_head(char *bytes, size_t size, size_t count, void *argument)
{
        struct transfer *transfer = argument;
        size_t length = size * count;
        char line[256];

        transfer->head_bytes += length;
        if (transfer->head_bytes > LIMIT_HTTP_ANSWER_HEAD) {
                transfer->over_limit = true;
                return 0;
        }
        if (transfer->head_complete) /* trailers */
                return length;
        while (length > 0 && strchr("\r\n", bytes[length - 1]))
                length--;
        if (length == 0)
                end_head(transfer);
        if (length == 0 || length >= sizeof(line))
                return size * count;
        memcpy(line, bytes, length);
        line[length] = '\0';
        char *colon = strchr(line, ':');
        if (strncmp(line, "HTTP/", 5) == 0) {
                transfer_begin_head(transfer);
        } else if (colon) {
                *colon = '\0';
                read_header(&transfer->reply, line, colon + 1 + strspn(colon + 1, " \t"));
        }
        return size * count;
}

size_t transfer_receive_body(char *bytes, size_t size, size_t count, void *argument)
{
        struct transfer *transfer = argument;
        size_t length = size * count;

        if (transfer->stream && transfer->reply.status == 200)
                return transfer->receive(transfer->stream, bytes, length);
        if (buf_append(&transfer->reply.body, bytes, length))
                return length;
        transfer->over_limit = true;
        return 0;
}
