/* Heads from the network: whatever the bytes, the answer stays within them and is stable. */
#include <stdlib.h>
#include <string.h>

#include "lib/http/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_inside(struct http_text text, const char *bytes, size_t length)
{
        if (text.start < bytes || text.start + text.length > bytes + length)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        const char *text = (const char *)bytes;
        struct http_head head;
        struct error err = { 0 };

        if (size == 0)
                return 0;
        enum http_head_result result = http_head_parse(text, size, LIMIT_HTTP_BODY, &head, &err);

        if (result == HTTP_HEAD_REFUSED && (error_http_status(&err) < 400 || !*err.text))
                abort();
        if (result != HTTP_HEAD_COMPLETE)
                return 0;
        if (head.length > size || head.length > LIMIT_HTTP_HEAD ||
            head.content_length > LIMIT_HTTP_BODY)
                abort();
        check_inside(head.method, text, head.length);
        check_inside(head.target, text, head.length);
        for (size_t i = 0; i < head.header_count; i++) {
                check_inside(head.headers[i].name, text, head.length);
                check_inside(head.headers[i].value, text, head.length);
        }
        /* A complete head needs all of its bytes and none behind them. */
        if (http_head_parse(text, head.length, LIMIT_HTTP_BODY, &head, &err) !=
                    HTTP_HEAD_COMPLETE ||
            http_head_parse(text, head.length - 1, LIMIT_HTTP_BODY, &head, &err) !=
                    HTTP_HEAD_INCOMPLETE)
                abort();
        return 0;
}
