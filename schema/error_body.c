#include "schema/error_body.h"

#include <string.h>

#include "lib/json.h"

#define CAUSES_MAX 8
#define ADVICE_MAX 4
#define MESSAGE_BYTES 300 /* shown of one message; the whole text is cut by struct error */
#define EXCERPT_BYTES 120

/* "message: cause: cause of the cause"; a cause that says what was said is left out. */
static void join_messages(const json_t *body, struct buf *text)
{
        const char *said = "";

        for (int depth = 0; depth < CAUSES_MAX && json_is_object(body); depth++) {
                const char *message = json_text_at(body, "message");
                if (message && *message && strcmp(message, said) != 0) {
                        buf_printf(text, "%s%.*s", text->length ? ": " : "", MESSAGE_BYTES,
                                   message);
                        said = message;
                }
                body = json_object_get(body, "cause");
        }
}

/* All of it; what is too long is cut by struct error. */
static void join_advice(const json_t *list, struct buf *text)
{
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(list, index, item)
        {
                if (index < ADVICE_MAX && json_is_string(item))
                        buf_printf(text, "%s%.*s", text->length ? "; " : "", MESSAGE_BYTES,
                                   json_string_value(item));
        }
}

static enum error_kind kind_of(int http_status)
{
        enum error_kind kind = error_from_http(http_status);

        return kind == ERROR_NONE ? ERROR_INTERNAL : kind;
}

/* The first bytes on one line, runs of white space as one blank. */
static void add_excerpt(const char *body, size_t length, struct buf *text)
{
        bool blank = false;

        for (size_t i = 0; i < length && text->length < EXCERPT_BYTES; i++) {
                unsigned char c = (unsigned char)body[i];
                bool visible = c > 0x20 && c < 0x7f;
                if (visible && blank)
                        buf_add(text, " ");
                if (visible)
                        buf_append(text, &body[i], 1);
                blank = !visible && text->length;
        }
}

static bool refuse_body(int http_status, const char *body, size_t length, struct error *err)
{
        scoped(buf_clear) struct buf excerpt = { 0 };

        add_excerpt(body, length, &excerpt);
        return error_set_status(err, kind_of(http_status), http_status, "HTTP status %d%s%s",
                                http_status, excerpt.length ? ": " : "", buf_text(&excerpt));
}

bool error_body_decode(int http_status, const char *body, size_t length, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *object = NULL;
        struct error unread = { 0 };

        if (!length || !json_parse_object(body, length, &object, &unread))
                return refuse_body(http_status, body, length, err);
        join_messages(object, &text);
        if (!text.length)
                return refuse_body(http_status, body, length, err);
        error_set_status(err, kind_of(http_status), http_status, "%s", buf_text(&text));

        scoped(buf_clear) struct buf advice = { 0 };
        join_advice(json_object_get(object, "advice"), &advice);
        return advice.length ? error_advise(err, "%s", buf_text(&advice)) : false;
}
