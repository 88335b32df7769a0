#include <stdlib.h>
#include <string.h>

#include "lib/crowd.h"
#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/login.h"
#include "server/audit.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/session.h"
#include "server/signin_store.h"

#define GONE_MS 5000  /* until then the answer waits for the operator */
#define ENDS_MS 20000 /* for the ends of all that are meant */
#define AT_ONCE 8     /* of them */

/* Which sessions to end, and what the longest of them was. */
struct leaving {
        struct text_list names, uids;
        char *role;
        int64_t ends;
};

static void clear_leaving(struct leaving *leaving)
{
        text_list_clear(&leaving->names);
        text_list_clear(&leaving->uids);
        free(leaving->role);
}

static bool is_meant(const struct signin *signin, const struct caller *caller,
                     const struct login_request *request)
{
        const struct signin_spec *spec = &signin->spec;

        return strcmp(spec->username, caller->whois.login) == 0 &&
               (request->everywhere ||
                (spec->node_id != NULL && strcmp(spec->node_id, caller->whois.node_id) == 0)) &&
               (request->role == NULL || strcmp(spec->role, request->role) == 0);
}

static void collect(struct server *server, const struct caller *caller,
                    const struct login_request *request, struct leaving *leaving)
{
        for (size_t i = 0; i < signin_store_count(server->signins); i++) {
                const struct signin *signin = signin_store_at(server->signins, i);

                if (!is_meant(signin, caller, request))
                        continue;
                text_list_add(&leaving->names, signin->name);
                text_list_add(&leaving->uids, signin->uid);
                if (leaving->role != NULL && session_ends_at(signin) <= leaving->ends)
                        continue;
                free(leaving->role);
                leaving->role = xstrdup(signin->spec.role);
                leaving->ends = session_ends_at(signin);
        }
}

static bool end_one(struct server *server, const struct caller *caller, const char *name,
                    const char *uid, struct error *err)
{
        scoped(signin_clear) struct signin signin = { 0 };
        const struct signin *found = signin_store_find(server->signins, name);
        const struct audit audit = { .event = "logout",
                                     .trace_id = caller->trace_id,
                                     .whois = &caller->whois,
                                     .signin = &signin };

        if (found == NULL || strcmp(found->uid, uid) != 0 || found->deletion_at != 0)
                return true;
        signin_copy(&signin, found);
        if (!session_end(server, &signin, err))
                return signin_store_explain(err, "signing out");
        audit_write(&audit);
        return true;
}

struct ending {
        struct server *server;
        const struct caller *caller;
        const struct leaving *leaving;
        size_t next; /* of the leaving */
        struct error first;
};

/* One of several that share the work. Also the others when one of them resists. */
static void end_some(void *owner, size_t index)
{
        struct ending *ending = owner;
        const struct leaving *leaving = ending->leaving;

        (void)index;
        while (ending->next < leaving->names.count) {
                size_t i = ending->next++;
                struct error err = { 0 };

                if (!end_one(ending->server, ending->caller, leaving->names.items[i],
                             leaving->uids.items[i], &err) &&
                    ending->first.kind == ERROR_NONE)
                        ending->first = err;
        }
}

/* err tells of the first that resists. Who hangs up meanwhile has said that they are to end all the
 * same. */
static bool end_all(struct server *server, const struct caller *caller,
                    const struct leaving *leaving, struct error *err)
{
        struct ending ending = { .server = server, .caller = caller, .leaving = leaving };
        size_t count = leaving->names.count < AT_ONCE ? leaving->names.count : AT_ONCE;

        fiber_shield(true);
        crowd_run(server->loop, count, end_some, &ending, ENDS_MS);
        fiber_shield(false);
        if (ending.first.kind == ERROR_NONE)
                return true;
        *err = ending.first;
        return false;
}

/* The names of those that the operator has not taken down by then. */
static void wait_until_gone(struct server *server, const struct leaving *leaving,
                            struct text_list *ending)
{
        int64_t deadline_ms = loop_now_ms() + GONE_MS;
        struct error err = { 0 };

        for (size_t i = 0; i < leaving->names.count; i++)
                if (!signin_store_wait_gone(server->signins, leaving->names.items[i],
                                            leaving->uids.items[i], deadline_ms, &err))
                        text_list_add(ending, leaving->names.items[i]);
}

static void reply(struct http_exchange *exchange, const struct caller *caller,
                  const struct leaving *leaving, const struct text_list *ending)
{
        char until[TIMESTAMP_TEXT_SIZE];

        timestamp_format(leaving->ends, until);
        const struct login login = {
                .username = caller->whois.login,
                .role = leaving->role,
                .until = until,
                .sessions = leaving->names,
        };
        json_auto_t *body = login_encode(&login);

        json_object_set_new(body, "ending", json_text_list(ending));
        http_exchange_reply_json(exchange, 200, body);
}

bool handle_logout(struct server *server, struct caller *caller, struct http_exchange *exchange,
                   struct error *err)
{
        scoped(login_request_clear) struct login_request request = { 0 };
        scoped(clear_leaving) struct leaving leaving = { 0 };
        scoped(text_list_clear) struct text_list ending = { 0 };

        if (!request_read_body(exchange, &request, err) ||
            !signin_store_check(server->signins, err))
                return false;
        collect(server, caller, &request, &leaving);
        if (leaving.names.count == 0)
                return error_set(err, ERROR_NOT_FOUND, "User not signed in");
        if (!end_all(server, caller, &leaving, err))
                return false;
        wait_until_gone(server, &leaving, &ending);
        reply(exchange, caller, &leaving, &ending);
        return true;
}
