/* Answers as they arrive: the same bytes mean the same, whole or cut into pieces. The first byte
 * says where they are cut. */
#include <stdlib.h>
#include <string.h>

#include "lib/http/http_answer.h"
#include "lib/limits.h"

#define LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool read_in_pieces(const char *text, size_t length, size_t piece,
                           struct http_answer *answer)
{
        struct error err = { 0 };
        bool good = true;

        http_answer_init(answer, LIMIT);
        for (size_t at = 0; good && at < length; at += piece)
                good = http_answer_take(answer, text + at,
                                        piece < length - at ? piece : length - at, &err);
        if (good)
                good = http_answer_end(answer, &err);
        if (!good && (err.kind == ERROR_NONE || !*err.text))
                abort();
        if (answer->body.length > LIMIT || answer->line.length > LIMIT_HTTP_ANSWER_HEAD)
                abort();
        if (good && (answer->state != HTTP_ANSWER_WHOLE || answer->status < 200))
                abort();
        return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        scoped(http_answer_clear) struct http_answer whole = { 0 };
        scoped(http_answer_clear) struct http_answer cut = { 0 };

        if (size < 2)
                return 0;
        const char *text = (const char *)bytes + 1;
        bool good = read_in_pieces(text, size - 1, size - 1, &whole);

        if (read_in_pieces(text, size - 1, bytes[0] % 32U + 1, &cut) != good)
                abort();
        if (good && (whole.status != cut.status || whole.keep_alive != cut.keep_alive ||
                     whole.body.length != cut.body.length ||
                     memcmp(buf_text(&whole.body), buf_text(&cut.body), cut.body.length) != 0))
                abort();
        return 0;
}
