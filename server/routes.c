#include <stdio.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "schema/routes.h"
#include "server/audit.h"
#include "server/grant.h"
#include "server/handlers.h"
#include "server/host.h"
#include "server/identity.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/server.h"
#include "server/session.h"
#include "server/telemetry.h"

enum need {
        NEEDS_NOTHING,  /* public within the tailnet */
        NEEDS_IDENTITY, /* checks 1 to 3 */
        REPORTS_RULES,  /* and what 4 and 5 say, whatever it is */
        NEEDS_RULES,    /* checks 1 to 5: the tailnet's policy grants something */
};

struct row {
        const char *method, *path;
        enum need need;
        bool signs_in;  /* counted as an attempt */
        bool unlimited; /* nobody is kept from giving something up */
        bool (*handle)(struct server *server, struct caller *caller, struct http_exchange *exchange,
                       struct error *err);
};

static const struct row rows[] = {
        { "POST", ROUTE_LOGIN,           NEEDS_RULES,    true,  false, handle_login        },
        { "GET",  ROUTE_LOGIN,           NEEDS_RULES,    false, false, handle_login_status },
        { "GET",  ROUTE_KUBECONFIG,      NEEDS_RULES,    false, false, handle_kubeconfig   },
        { "POST", ROUTE_LOGOUT,          NEEDS_IDENTITY, false, true,  handle_logout       },
        { "POST", ROUTE_CREDENTIAL,      NEEDS_RULES,    true,  false, handle_credential   },
        { "GET",  ROUTE_CLUSTER_INFO,    NEEDS_RULES,    false, false, handle_cluster_info },
        { "GET",  ROUTE_ACCESS,          REPORTS_RULES,  false, false, handle_access       },
        { "GET",  "/openapi.json",       NEEDS_NOTHING,  false, true,  handle_openapi      },
        { "GET",  "/",                   NEEDS_NOTHING,  false, true,  handle_page         },
        { "GET",  "/swagger",            NEEDS_NOTHING,  false, true,  handle_swagger      },
        { "GET",  "/swagger/index.html", NEEDS_NOTHING,  false, true,  handle_swagger      },
        { "GET",  "/swagger/doc.json",   NEEDS_NOTHING,  false, true,  handle_swagger      },
};

static const struct row *find_row(const struct http_exchange *exchange)
{
        const char *method = http_exchange_method(exchange);
        size_t i = 0;

        if (strcmp(method, "HEAD") == 0)
                method = "GET";
        while (strcmp(rows[i].method, method) != 0 ||
               strcmp(rows[i].path, http_exchange_path(exchange)) != 0)
                i++;
        return &rows[i];
}

static void clear_caller(struct caller *caller)
{
        tailscale_whois_clear(&caller->whois);
        capability_clear(&caller->capability);
}

/* Checks 4 and 5; what the rules no longer grant is taken away before anything else happens. Rules
 * that cannot be read or ranked take nothing away. */
static bool check_rules(struct server *server, struct caller *caller, struct error *err)
{
        if (!capability_decode(caller->whois.capabilities, &server->config->capabilities,
                               &caller->capability, err) ||
            !grant_rank(&caller->capability, err))
                return false;
        session_judge(server, &caller->whois, &caller->capability, caller->trace_id);
        return caller->capability.rule_count > 0 ||
               error_set(err, ERROR_DENIED, "User not authorized");
}

/* A node has so many connections and so many requests a second, also while it is refused. */
static bool check_quota(struct server *server, const struct row *row, const struct caller *caller,
                        struct http_exchange *exchange, struct error *err)
{
        int64_t wait_seconds = 0;

        if (!http_exchange_name_client(exchange, caller->whois.node_id))
                return error_set_status(err, ERROR_UNAVAILABLE, 429,
                                        "this device has more than %d connections open",
                                        LIMIT_HTTP_PEER_CONNECTIONS);
        if (row->unlimited ||
            quota_take(server->quota, caller->whois.node_id, loop_now_ms(), &wait_seconds, err))
                return true;
        http_exchange_add_retry_after(exchange, wait_seconds);
        return false;
}

/* Checks 1 to 3, and that it is not asked too often. */
static bool check_identity(struct server *server, const struct row *row, struct caller *caller,
                           struct http_exchange *exchange, struct error *err)
{
        struct error crowd = { 0 };
        bool fine = identity_check(server->identity, exchange, &caller->whois, err);

        if (caller->whois.node_id == NULL || check_quota(server, row, caller, exchange, &crowd))
                return fine;
        *err = crowd;
        return false;
}

static bool check_host(const struct server *server, const struct http_exchange *exchange,
                       struct error *err)
{
        const char *host = http_exchange_header(exchange, "Host");
        const char *node = identity_status(server->identity)->self.dns_name;

        if (host_is_ours(host, node, &server->config->hosts))
                return true;
        error_set_status(err, ERROR_DENIED, 421, "\"%.100s\" is no name of this server",
                         host == NULL ? "" : host);
        return error_advise(err,
                            "ask for its name in the tailnet, or list that one in server.hosts");
}

static bool meets_need(struct server *server, const struct row *row, struct caller *caller,
                       struct http_exchange *exchange, struct error *err)
{
        if (row->need == NEEDS_NOTHING)
                return true;
        if (!check_host(server, exchange, err))
                return false;
        if (strcmp(row->method, "POST") == 0 && !request_check_origin(exchange, err))
                return false;
        if (!check_identity(server, row, caller, exchange, err))
                return false;
        if (row->need == NEEDS_IDENTITY || check_rules(server, caller, err))
                return true;
        caller->refusal = *err;
        return row->need == REPORTS_RULES;
}

static const char *name_outcome(const struct caller *caller, bool answered, const struct error *err)
{
        if (answered)
                return caller->outcome[0] == '\0' ? "ok" : caller->outcome;
        switch (err->kind) {
        case ERROR_DENIED:
                return "forbidden";
        case ERROR_INVALID:
                return "invalid";
        case ERROR_UNAVAILABLE:
                return "unavailable";
        case ERROR_NONE:
        case ERROR_UNAUTHENTICATED:
        case ERROR_NOT_FOUND:
        case ERROR_CONFLICT:
        case ERROR_INTERNAL:
        case ERROR_PENDING:
                break;
        }
        return "error";
}

/* A person was told no: that is for the audit log. */
static void note_refusal(const struct caller *caller, const struct http_exchange *exchange,
                         const struct error *err)
{
        const struct audit audit = { .event = "refuse",
                                     .trace_id = caller->trace_id,
                                     .whois = &caller->whois,
                                     .role = caller->role,
                                     .cause = err->text,
                                     .peer = http_exchange_peer_text(exchange) };

        if (err->kind == ERROR_DENIED || err->kind == ERROR_INVALID)
                audit_write(&audit);
}

static bool dispatch(void *owner, struct http_exchange *exchange, struct error *err)
{
        struct server *server = owner;
        const struct row *row = find_row(exchange);
        scoped(clear_caller) struct caller caller = { .trace_id =
                                                              http_exchange_trace_id(exchange) };

        bool answered = meets_need(server, row, &caller, exchange, err) &&
                        row->handle(server, &caller, exchange, err);
        if (!answered)
                note_refusal(&caller, exchange, err);
        if (row->signs_in)
                telemetry_count_attempt(server, caller.role, name_outcome(&caller, answered, err));
        return answered;
}

const struct http_route *routes_public(size_t *count)
{
        static struct http_route routes[ARRAY_LENGTH(rows)];

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
                routes[i] = (struct http_route){ .method = rows[i].method,
                                                 .path = rows[i].path,
                                                 .handle = dispatch };
        *count = ARRAY_LENGTH(rows);
        return routes;
}
