#include "server/request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/http/http_text.h"
#include "lib/memory.h"

#define WAIT_MAX_SECONDS 30

struct grant_limits request_limits(const struct server *server)
{
        const struct settings *settings = &server->config->settings;

        return (struct grant_limits){ .min_period_seconds = settings->min_period_seconds,
                                      .max_period_seconds = settings->max_period_seconds,
                                      .roles = &settings->roles };
}

/* No page is ours: what a browser sends for one, somebody else's page made it send. A browser says
 * so with every POST; our own programs and curl name no origin. */
bool request_check_origin(const struct http_exchange *exchange, struct error *err)
{
        const char *site = http_exchange_header(exchange, "Sec-Fetch-Site");

        return (!http_exchange_has_header(exchange, "Origin") &&
                (site == NULL || strcmp(site, "none") == 0)) ||
               error_set(err, ERROR_DENIED, "what a web page asks for is not done");
}

/* A page of somebody else's can make a browser send a form, but no JSON. */
static bool check_type(const char *type, struct error *err)
{
        static const char json[] = "application/json";
        size_t length = type == NULL ? 0 : strcspn(type, "; \t");

        return type == NULL ||
               (length == sizeof(json) - 1 && strncasecmp(type, json, length) == 0) ||
               error_set_status(err, ERROR_INVALID, 415,
                                "a body of type \"%.100s\" is not taken, application/json is",
                                type);
}

bool request_read_body(const struct http_exchange *exchange, struct login_request *request,
                       struct error *err)
{
        size_t length = 0;
        const char *body = http_exchange_body(exchange, &length);

        return (length == 0 || check_type(http_exchange_header(exchange, "Content-Type"), err)) &&
               login_request_decode(body, length, request, err);
}

bool request_decide(struct server *server, struct caller *caller,
                    const struct http_exchange *exchange, struct login_request *request,
                    struct grant *grant, struct error *err)
{
        const struct grant_limits limits = request_limits(server);

        if (!request_read_body(exchange, request, err) ||
            !grant_decide(&caller->capability, &limits, request, grant, err))
                return false;
        snprintf(caller->role, sizeof(caller->role), "%s", grant->role);
        return true;
}

/* Percent-decodes up to '&'; false when malformed, or too long for text. */
static bool decode_value(const char *value, char *text, size_t size)
{
        size_t length = 0;

        while (*value != '\0' && *value != '&') {
                char byte = *value++;

                if (byte == '%') {
                        int high = http_hex_digit(value[0]);
                        int low = high < 0 ? -1 : http_hex_digit(value[1]);

                        if (low < 0 || high + low == 0)
                                return false;
                        byte = (char)(high * 16 + low);
                        value += 2;
                }
                if (length + 1 >= size)
                        return false;
                text[length++] = byte;
        }
        text[length] = '\0';
        return length > 0;
}

/* The value of "role=" from there on, or NULL. */
static const char *find_role(const char *query)
{
        while (query != NULL && strncmp(query, "role=", 5) != 0) {
                query = strchr(query, '&');
                query = query == NULL ? NULL : query + 1;
        }
        return query == NULL ? NULL : query + 5;
}

bool request_read_role(const struct caller *caller, const struct http_exchange *exchange,
                       char role[LIMIT_ROLE + 1], struct error *err)
{
        static const struct grant_limits nothing = { 0 };
        const char *value = find_role(http_exchange_query(exchange));
        struct grant grant;

        role[0] = '\0';
        if (value == NULL)
                return true;
        if (find_role(value) != NULL)
                return error_set(err, ERROR_INVALID, "the query names \"role\" twice");
        if (!decode_value(value, role, LIMIT_ROLE + 1))
                return error_set(err, ERROR_INVALID, "the query's \"role\" is not 1 to %d bytes",
                                 LIMIT_ROLE);
        if (!login_check_role(role, err))
                return error_wrap(err, "the query");
        if (grant_find(&caller->capability, role, NULL) != NULL)
                return true;

        const struct login_request wish = { .role = role };
        return grant_decide(&caller->capability, &nothing, &wish, &grant, err);
}

static const char *skip(const char *text, const char *characters)
{
        return text + strspn(text, characters);
}

int64_t request_wait_ms(const char *prefer)
{
        for (const char *at = prefer; at != NULL && *at != '\0'; at = skip(at, ",; \t")) {
                if (strncasecmp(at, "wait=", 5) == 0 && isdigit((unsigned char)at[5])) {
                        unsigned long seconds = strtoul(at + 5, NULL, 10);

                        return 1000 *
                               (int64_t)(seconds < WAIT_MAX_SECONDS ? seconds : WAIT_MAX_SECONDS);
                }
                at += strcspn(at, ",;");
        }
        return 0;
}

/* A media range of Accept: how much it is liked, in thousandths, and how exactly it matches. */
struct liking {
        int quality;
        int exactness; /* 3: the very type, 2: its kind, 1: anything, 0: no match */
};

/* "0.75" in thousandths, at most 1000; digits after the third do not count. */
static int read_thousandths(struct http_text text)
{
        struct http_text whole = http_text_take_until(&text, '.');
        int quality = 0;

        for (size_t i = 0; i < whole.length; i++)
                if (whole.start[i] != '0')
                        return http_text_is_all(whole, http_is_digit) ? 1000 : 0;
        for (size_t i = 0, worth = 100;
             i < text.length && http_is_digit((unsigned char)text.start[i]); i++, worth /= 10)
                quality += (int)worth * (text.start[i] - '0');
        return quality;
}

static int read_quality(const char *parameters, size_t length)
{
        struct http_text rest = { parameters, length };

        while (rest.length > 0) {
                struct http_text value = http_text_trim(http_text_take_until(&rest, ';'));
                struct http_text name = http_text_take_until(&value, '=');

                if (http_text_equals_ignoring_case(name, "q"))
                        return read_thousandths(value);
        }
        return 1000;
}

static int match(const char *range, size_t length, const char *type)
{
        size_t kind = strcspn(type, "/") + 1;

        if (length == strlen(type) && strncasecmp(range, type, length) == 0)
                return 3;
        if (length == kind + 1 && strncasecmp(range, type, kind) == 0 && range[kind] == '*')
                return 2;
        return length == 3 && strncmp(range, "*/*", 3) == 0 ? 1 : 0;
}

/* The most exact range that matches decides (RFC 9110, 12.5.1). */
static struct liking find_liking(const char *accept, const char *type)
{
        struct liking liking = { 0 };

        for (const char *at = skip(accept, ", \t"); *at != '\0'; at = skip(at, ", \t")) {
                size_t length = strcspn(at, ",");
                int exactness = match(at, strcspn(at, ",; \t"), type);
                size_t range = strcspn(at, ",;");

                if (exactness > liking.exactness)
                        liking = (struct liking){ read_quality(at + range, length - range),
                                                  exactness };
                at += length;
        }
        return liking;
}

bool request_prefers_yaml(const char *accept)
{
        static const char *const types[] = { "application/yaml", "text/yaml",
                                             "application/x-yaml" };

        if (accept == NULL)
                return false;

        struct liking json = find_liking(accept, "application/json");
        for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
                struct liking yaml = find_liking(accept, types[i]);

                if (yaml.quality > json.quality ||
                    (yaml.quality == json.quality && yaml.quality > 0 &&
                     yaml.exactness > json.exactness))
                        return true;
        }
        return false;
}
