#include "kubectl-tka/remote/departure.h"

#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/remote/cache_write.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/login.h"
#include "schema/routes.h"

void departure_clear(struct departure *departure)
{
        target_list_clear(&departure->targets);
        free(departure->url);
        *departure = (struct departure){ 0 };
}

void departure_note_problem(struct departure *departure, const struct error *problem)
{
        if (departure->local.kind == ERROR_NONE)
                departure->local = *problem;
}

/* One that fails keeps nothing else from being tried. */
static void forget_key(struct departure *departure, const struct cache_key *key)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct error problem = { 0 };

        if (cache_read(CACHE_ALL_TIERS, key, &entry, &problem) &&
            token_session_end(&entry) > departure->until)
                departure->until = token_session_end(&entry);
        if (!mark_write(key, &(struct mark){ .signed_out = true }, &problem)) {
                error_wrap(&problem, "the logout from %s is not noted here", key->cluster);
                departure_note_problem(departure, &problem);
        }
        if (!cache_forget(key, &problem)) {
                error_wrap(&problem, "a token for %s stays here", key->cluster);
                departure_note_problem(departure, &problem);
        }
}

/* Of who asked for no role, the token says which one it is. */
static bool is_granted(const struct cache_key *key, const char *role)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct error miss = { 0 };

        return !key->role[0] && cache_read(CACHE_ALL_TIERS, key, &entry, &miss) &&
               entry.granted_role && strcmp(entry.granted_role, role) == 0;
}

static bool ends(const struct departure *departure, const struct cache_key *key)
{
        return strcmp(key->server, departure->url) == 0 &&
               (!departure->role || strcmp(key->role, departure->role) == 0 ||
                is_granted(key, departure->role));
}

void departure_forget(struct departure *departure, const struct target_list *known)
{
        scoped(target_list_clear) struct target_list meant = { 0 };

        for (size_t i = 0; i < departure->targets.count; i++)
                target_list_add_once(&meant, &departure->targets.items[i]);
        for (size_t i = 0; i < known->count; i++)
                if (ends(departure, &known->items[i].key))
                        target_list_add_once(&meant, &known->items[i]);
        for (size_t i = 0; i < meant.count; i++)
                forget_key(departure, &meant.items[i].key);
}

/* An older server may stumble over a session that has just ended. */
static bool is_gone(struct server *server, const struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        struct error answer = { 0 };

        return err->kind == ERROR_NOT_FOUND ||
               (err->http_status == 500 && !server_get(server, ROUTE_LOGIN, &reply, &answer) &&
                answer.kind == ERROR_UNAUTHENTICATED);
}

bool departure_end(struct departure *departure, struct server *server, bool everywhere,
                   struct error *err)
{
        scoped(login_request_clear) struct login_request request = {
                .role = departure->role ? xstrdup(departure->role) : NULL, .everywhere = everywhere
        };
        json_auto_t *body = login_request_encode(&request);
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(login_clear) struct login login = { 0 };

        if (!server_post(server, ROUTE_LOGOUT, body, &reply, err))
                return is_gone(server, err) || error_wrap(err, "signing out at %s", server->url);
        if (!login_decode(buf_text(&reply.body), reply.body.length, &login, err))
                return error_wrap(err, "reading the answer of %s", server->url);
        departure->ended = login.sessions.count > 0 ? login.sessions.count : 1;
        return true;
}

static const char *name_of(const struct departure *departure)
{
        return departure->targets.count > 0 ? departure->targets.items[0].key.cluster
                                            : departure->url;
}

void departure_explain(const struct departure *departure, struct error *err)
{
        char text[TIMESTAMP_TEXT_SIZE];

        *err = departure->err;
        if (departure->targets.count == 0 || departure->local.kind != ERROR_NONE)
                return;
        error_wrap(err, "signed out here alone");
        error_advise(err, "the session lives on the server until %s",
                     departure->until > 0 ? timestamp_format(departure->until, text)
                                          : "its time is over");
}

json_t *departure_describe(const struct departure *departure)
{
        json_t *item = json_object();

        json_object_set_new(item, "cluster", json_text(name_of(departure)));
        json_object_set_new(item, "server", json_text(departure->url));
        json_object_set_new(item, "ended", json_integer((json_int_t)departure->ended));
        json_object_set_new(item, "removed", json_integer((json_int_t)departure->removed));
        if (departure->err.kind != ERROR_NONE)
                json_object_set_new(item, "error", json_text(departure->err.text));
        return item;
}

void departure_print(const struct departure *departure, struct buf *text)
{
        scoped_free char *name = report_plain(name_of(departure));

        buf_printf(text, departure->ended > 0 ? "Signed out of %s" : "There was no session at %s",
                   name);
        if (departure->removed > 0)
                buf_printf(text, ", and took %s out of the kubeconfig",
                           departure->removed == 1 ? "its context" : "its contexts");
        buf_add(text, "\n");
}
