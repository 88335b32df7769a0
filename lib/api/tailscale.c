#include "lib/api/tailscale.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/api/tailscale_status.h"
#include "lib/http/http_answer.h"
#include "lib/http/http_local.h"
#include "lib/limits.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define HOST "local-tailscaled.sock" /* the LocalAPI insists on it */
#define LOCAL_API "/localapi/v0/"
#define NO_MATCH "no match" /* how it begins to say that it knows nobody there */

struct tailscale {
        struct http_local *http;
        int64_t deadline_ms; /* 0: none */
};

struct answer {
        int status;
        struct buf body;
};

static void clear_answer(struct answer *answer)
{
        buf_clear(&answer->body);
}

struct tailscale *tailscale_new(struct loop *loop, const char *socket_path)
{
        const struct http_local_options options = {
                .path = socket_path,
                .host = HOST,
                .in_flight = LIMIT_TAILSCALE_IN_FLIGHT,
                .limit_bytes = LIMIT_TAILSCALE_ANSWER,
        };
        struct tailscale *tailscale = xcalloc(1, sizeof(*tailscale));

        tailscale->http = http_local_new(loop, &options);
        return tailscale;
}

void tailscale_free(struct tailscale *tailscale)
{
        if (!tailscale)
                return;
        http_local_free(tailscale->http);
        free(tailscale);
}

void tailscale_hurry(struct tailscale *tailscale, int64_t deadline_ms)
{
        tailscale->deadline_ms = deadline_ms;
}

static void hurry(const struct tailscale *tailscale, struct http_local_request *request)
{
        int64_t left_ms = loop_left_ms(tailscale->deadline_ms);

        if (tailscale->deadline_ms != 0 && left_ms < request->timeout_ms)
                request->timeout_ms = left_ms;
}

static bool ask(const struct tailscale *tailscale, struct http_local_request request,
                struct answer *answer, struct error *err)
{
        hurry(tailscale, &request);
        if (request.timeout_ms == 0)
                error_set(err, ERROR_UNAVAILABLE, "no answer in time");
        else if (http_local_get(tailscale->http, &request, &answer->status, &answer->body, err))
                return true;
        err->kind = ERROR_UNAVAILABLE;
        return error_wrap(err, "asking tailscaled");
}

static bool refuse_status(const struct answer *answer, struct error *err)
{
        size_t line = strcspn(buf_text(&answer->body), "\r\n");

        return error_set(err, ERROR_UNAVAILABLE, "tailscaled answered %d: %.*s", answer->status,
                         (int)(line < 120 ? line : 120), buf_text(&answer->body));
}

static bool check_status(const struct answer *answer, struct error *err)
{
        return answer->status == 200 || refuse_status(answer, err);
}

struct whois_node {
        char *stable_id, *computed_name, *name;
        struct text_list tags;
        bool expired, online;
};

static const struct json_field node_fields[] = {
        { "StableID",     JSON_KIND_TEXT,      offsetof(struct whois_node, stable_id),     true,  256  },
        { "ComputedName", JSON_KIND_TEXT,      offsetof(struct whois_node, computed_name), false, 1024 },
        { "Name",         JSON_KIND_TEXT,      offsetof(struct whois_node, name),          false, 1024 },
        { "Tags",         JSON_KIND_TEXT_LIST, offsetof(struct whois_node, tags),          false, 1024 },
        { "Expired",      JSON_KIND_BOOL,      offsetof(struct whois_node, expired),       false, 0    },
        { "Online",       JSON_KIND_BOOL,      offsetof(struct whois_node, online),        false, 0    },
};

struct whois_profile {
        char *login;
        int64_t id;
};

static const struct json_field profile_fields[] = {
        { "LoginName", JSON_KIND_TEXT,    offsetof(struct whois_profile, login), true,  1024 },
        { "ID",        JSON_KIND_INTEGER, offsetof(struct whois_profile, id),    false, 0    },
};

static void clear_node(struct whois_node *node)
{
        json_fields_clear(node_fields, ARRAY_LENGTH(node_fields), node);
}

static void clear_profile(struct whois_profile *profile)
{
        json_fields_clear(profile_fields, ARRAY_LENGTH(profile_fields), profile);
}

/* An object's member that is an object itself. */
static bool get_section(const json_t *object, const char *name, const json_t **section,
                        struct error *err)
{
        *section = json_object_get(object, name);
        return json_is_object(*section) ||
               error_set(err, ERROR_UNAVAILABLE, "\"%s\" is missing", name);
}

static char *name_node(struct whois_node *node)
{
        if (node->computed_name && *node->computed_name)
                return take(node->computed_name);
        return node->name ? xstrndup(node->name, strcspn(node->name, ".")) : xstrdup("");
}

static bool read_node(const json_t *object, struct whois_node *node, struct error *err)
{
        const json_t *section;

        if (!get_section(object, "Node", &section, err))
                return false;
        return (json_fields_read(section, node_fields, ARRAY_LENGTH(node_fields), node, err) &&
                tailscale_check_not_empty(node->stable_id, "StableID", err)) ||
               error_wrap(err, "\"Node\"");
}

static bool read_profile(const json_t *object, struct whois_profile *profile, struct error *err)
{
        const json_t *section;

        if (!get_section(object, "UserProfile", &section, err))
                return false;
        return (json_fields_read(section, profile_fields, ARRAY_LENGTH(profile_fields), profile,
                                 err) &&
                tailscale_check_not_empty(profile->login, "LoginName", err)) ||
               error_wrap(err, "\"UserProfile\"");
}

static bool read_whois(const json_t *object, struct tailscale_whois *whois, struct error *err)
{
        scoped(clear_node) struct whois_node node = { 0 };
        scoped(clear_profile) struct whois_profile profile = { 0 };
        json_t *capabilities = json_object_get(object, "CapMap");

        if (!read_node(object, &node, err) || !read_profile(object, &profile, err))
                return false;
        if (capabilities && !json_is_null(capabilities) && !json_is_object(capabilities))
                return error_set(err, ERROR_UNAVAILABLE, "\"CapMap\" has the wrong type");
        tailscale_whois_clear(whois);
        *whois = (struct tailscale_whois){
                .login = take(profile.login),
                .user_id = xasprintf("%" PRId64, profile.id),
                .node_id = take(node.stable_id),
                .node_name = name_node(&node),
                .tags = node.tags,
                .expired = node.expired,
                .online = node.online,
                .capabilities = json_is_object(capabilities) ? json_incref(capabilities) : NULL,
        };
        node.tags = (struct text_list){ 0 };
        return true;
}

static const struct json_section whois_sections[] = {
        { "Node",        node_fields,    ARRAY_LENGTH(node_fields),    false },
        { "UserProfile", profile_fields, ARRAY_LENGTH(profile_fields), false },
        { "CapMap",      NULL,           0,                            false },
};

bool tailscale_whois_decode(const char *text, size_t length, struct tailscale_whois *whois,
                            struct error *err)
{
        json_auto_t *object = NULL;

        if (json_excerpt_parse(text, length, whois_sections, ARRAY_LENGTH(whois_sections), &object,
                               err) &&
            read_whois(object, whois, err))
                return true;
        (void)error_wrap(err, "the answer of tailscaled");
        err->kind = ERROR_UNAVAILABLE;
        return false;
}

bool tailscale_whois(struct tailscale *tailscale, const char *address,
                     struct tailscale_whois *whois, struct error *err)
{
        scoped(clear_answer) struct answer answer = { 0 };
        scoped(buf_clear) struct buf target = { 0 };

        buf_add(&target, LOCAL_API "whois?proto=tcp&addr=");
        buf_add_escaped(&target, address);
        if (!ask(tailscale,
                 (struct http_local_request){ buf_text(&target), LIMIT_TAILSCALE_TIMEOUT_MS, NULL },
                 &answer, err))
                return false;
        if (answer.status == 404 && !strncmp(buf_text(&answer.body), NO_MATCH, strlen(NO_MATCH)))
                return error_set(err, ERROR_NOT_FOUND, "tailscaled knows nobody at %s", address);
        return (check_status(&answer, err) &&
                tailscale_whois_decode(buf_text(&answer.body), answer.body.length, whois, err)) ||
               error_wrap(err, "who is at %s", address);
}

void tailscale_whois_clear(struct tailscale_whois *whois)
{
        free(whois->login);
        free(whois->user_id);
        free(whois->node_id);
        free(whois->node_name);
        text_list_clear(&whois->tags);
        json_decref(whois->capabilities);
        *whois = (struct tailscale_whois){ 0 };
}

static bool take_status(void *excerpt, const char *bytes, size_t length, struct error *err)
{
        return json_excerpt_take(excerpt, bytes, length, err);
}

bool tailscale_status(struct tailscale *tailscale, bool peers, struct tailscale_status *status,
                      struct error *err)
{
        scoped(clear_answer) struct answer answer = { 0 };
        scoped(json_excerpt_clear) struct json_excerpt excerpt = { 0 };
        const struct http_sink sink = { take_status, &excerpt, LIMIT_TAILSCALE_STATUS };
        const struct http_local_request all = { LOCAL_API "status", LIMIT_TAILSCALE_STATUS_MS,
                                                &sink };
        const struct http_local_request self = { LOCAL_API "status?peers=false",
                                                 LIMIT_TAILSCALE_TIMEOUT_MS, &sink };

        tailscale_status_begin(&excerpt);
        return (ask(tailscale, peers ? all : self, &answer, err) && check_status(&answer, err) &&
                tailscale_status_end(&excerpt, status, err)) ||
               error_wrap(err, "status of the tailnet");
}

bool tailscale_certificate(struct tailscale *tailscale, const char *domain, struct buf *pair,
                           struct error *err)
{
        scoped(clear_answer) struct answer answer = { 0 };
        scoped(buf_clear) struct buf target = { 0 };

        buf_add(&target, LOCAL_API "cert/");
        buf_add_escaped(&target, domain);
        buf_add(&target, "?type=pair");
        if (!ask(tailscale,
                 (struct http_local_request){ buf_text(&target), LIMIT_TAILSCALE_CERTIFICATE_MS,
                                              NULL },
                 &answer, err))
                return error_wrap(err, "the certificate for %s", domain);
        if (answer.status == 403)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "tailscaled gives this user no certificate: set "
                                 "TS_PERMIT_CERT_UID for it");
        if (answer.status != 200)
                return refuse_status(&answer, err) ||
                       error_wrap(err, "the certificate for %s", domain);
        return buf_append(pair, buf_text(&answer.body), answer.body.length) ||
               error_set(err, ERROR_UNAVAILABLE, "the certificate for %s is too long", domain);
}

bool tailscale_is_tailnet_address(const char *address)
{
        static const unsigned char prefix[] = { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0 };
        struct in6_addr ipv6;
        struct in_addr ipv4;

        if (inet_pton(AF_INET, address, &ipv4) == 1)
                return (ntohl(ipv4.s_addr) & 0xffc00000) == 0x64400000;
        return inet_pton(AF_INET6, address, &ipv6) == 1 &&
               memcmp(&ipv6, prefix, sizeof(prefix)) == 0;
}
