#include <string.h>

#include "lib/api/kube_private.h"
#include "lib/json.h"
#include "lib/memory.h"

#define EXCERPT_SIZE 120
#define LONGEST_RETRY_SECONDS 60 /* of a Retry-After that is passed on */

static const struct {
        int status;
        enum error_kind kind;
} kinds[] = {
        { 400, ERROR_INVALID         },
        { 401, ERROR_UNAUTHENTICATED },
        { 403, ERROR_DENIED          },
        { 404, ERROR_NOT_FOUND       },
        { 409, ERROR_CONFLICT        },
        { 422, ERROR_INVALID         },
};

enum error_kind kube_answer_kind(int status)
{
        for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
                if (kinds[i].status == status)
                        return kinds[i].kind;
        return ERROR_UNAVAILABLE;
}

/* The beginning of a body that is not ours, on one line. */
static const char *make_excerpt(const struct buf *body, char excerpt[EXCERPT_SIZE + 4])
{
        size_t length = 0;

        for (const char *at = buf_text(body); *at && length < EXCERPT_SIZE; at++) {
                bool white = (unsigned char)*at <= ' ' || *at == 0x7f;

                if (!white)
                        excerpt[length++] = *at;
                else if (length > 0 && excerpt[length - 1] != ' ')
                        excerpt[length++] = ' ';
        }
        bool cut = length == EXCERPT_SIZE;
        while (length > 0 && excerpt[length - 1] == ' ')
                length--;
        memcpy(excerpt + length, cut ? "..." : "", cut ? 4 : 1);
        return excerpt;
}

static bool is_json(const struct http_reply *reply)
{
        static const char type[] = "application/json";
        char next = reply->content_type[strnlen(reply->content_type, sizeof(type) - 1)];

        return strncmp(reply->content_type, type, sizeof(type) - 1) == 0 &&
               (next == '\0' || next == ';' || next == ' ');
}

static bool refuse_as_text(const struct http_reply *reply, enum error_kind kind, int http_status,
                           struct error *err)
{
        char excerpt[EXCERPT_SIZE + 4];
        const char *type = reply->content_type[0] ? reply->content_type : "no content type";

        if (reply->body.length == 0)
                return error_set_status(err, kind, http_status,
                                        "the API server answered %d without a word", reply->status);
        return error_set_status(err, kind, http_status, "the API server answered %d (%s): %s",
                                reply->status, type, make_excerpt(&reply->body, excerpt));
}

/* An apply that names a uid is answered 409 when there is no such object, but 422 when there is
 * another one of that name. To us both mean that it is no longer that object. */
static bool is_about_the_uid(const json_t *object)
{
        const json_t *cause;
        size_t i;

        json_array_foreach(json_at(object, "details.causes"), i, cause)
        {
                const char *field = json_text_at(cause, "field");

                if (!field || strcmp(field, "metadata.uid") != 0)
                        return false;
        }
        return i > 0;
}

/* Nothing can be created in a namespace that is being deleted: it is as good as gone. */
static bool is_namespace_ending(const json_t *object)
{
        const json_t *cause;
        size_t i;

        json_array_foreach(json_at(object, "details.causes"), i, cause)
        {
                const char *reason = json_text_at(cause, "reason");

                if (reason && strcmp(reason, "NamespaceTerminating") == 0)
                        return true;
        }
        return false;
}

/* The status goes along where it says more than the kind; an outage of the API server is not to be
 * passed on under its own number. */
static bool refuse(const struct http_reply *reply, struct error *err)
{
        enum error_kind kind = kube_answer_kind(reply->status);
        int http_status = kind != ERROR_UNAVAILABLE || reply->status == 410 ? reply->status : 0;
        json_auto_t *object = NULL;
        struct error garbage = { 0 };

        if (is_json(reply) &&
            json_parse_shared(buf_text(&reply->body), reply->body.length, &object, &garbage)) {
                const char *message = json_text_at(object, "message");
                if (reply->status == 422 && is_about_the_uid(object)) {
                        kind = ERROR_CONFLICT;
                        http_status = 409;
                }
                if (reply->status == 403 && is_namespace_ending(object))
                        kind = ERROR_NOT_FOUND;
                if (message && *message)
                        return error_set_status(err, kind, http_status, "%s", message);
        }
        return refuse_as_text(reply, kind, http_status, err);
}

bool kube_answer_refuse(const struct http_reply *reply, struct error *err)
{
        int64_t seconds = reply->retry_after_seconds;

        refuse(reply, err);
        if (err->kind == ERROR_UNAVAILABLE && seconds > 0)
                err->retry_after_seconds =
                        (int)(seconds < LONGEST_RETRY_SECONDS ? seconds : LONGEST_RETRY_SECONDS);
        return false;
}

bool kube_answer_parse(const struct http_reply *reply, json_t **object, struct error *err)
{
        if (!is_json(reply))
                return refuse_as_text(reply, ERROR_UNAVAILABLE, 0, err);
        if (json_parse_shared(buf_text(&reply->body), reply->body.length, object, err))
                return true;
        err->kind = ERROR_UNAVAILABLE;
        return error_wrap(err, "the API server's answer");
}
