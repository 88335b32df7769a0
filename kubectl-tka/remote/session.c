#include "kubectl-tka/remote/session.h"

#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/journal.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/tailnet.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/legacy.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/exec_credential.h"
#include "schema/routes.h"

static void fill(struct cache_entry *entry, struct exec_credential *credential)
{
        entry->token = secret_take(&credential->token);
        entry->login = take(credential->username);
        entry->granted_role = take(credential->role);
        entry->expires = credential->expires;
        entry->until = credential->until;
        entry->period_seconds = credential->period_seconds;
        entry->renewable = credential->renewable;
        entry->addresses = tailnet_addresses();
}

bool session_fetch(struct server *server, const struct login_request *request,
                   struct cache_entry *entry, struct error *err)
{
        json_auto_t *body = login_request_encode(request);
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(exec_credential_clear) struct exec_credential credential = { 0 };
        struct cache_entry fetched = { 0 };

        if (!server_post(server, ROUTE_CREDENTIAL, body, &reply, err))
                return err->http_status == 404 ? legacy_fetch(server, request, entry, err)
                                               : error_wrap(err, "signing in at %s", server->url);
        if (reply.status == 202)
                return error_set(err, ERROR_PENDING, "%s is still preparing the session",
                                 server->url);
        if (!exec_credential_decode(buf_text(&reply.body), reply.body.length, &credential, err))
                return error_wrap(err, "reading the answer of %s", server->url);
        if (credential.expires == 0)
                return error_set(err, ERROR_INVALID, "%s sent a token without an end", server->url);

        fetched.fetched_at = timestamp_now();
        fetched.clock_offset = reply.date ? reply.date - fetched.fetched_at : 0;
        fill(&fetched, &credential);
        if (!token_is_alive(&fetched, fetched.fetched_at)) {
                cache_entry_clear(&fetched);
                return error_set(err, ERROR_UNAVAILABLE, "%s sent a token that has ended already",
                                 server->url);
        }
        cache_entry_clear(entry);
        *entry = fetched;
        return true;
}

bool session_is_wanted(struct server *server, const struct cache_key *key,
                       struct cache_entry *entry, struct error *err)
{
        scoped(mark_clear) struct mark mark = { 0 };
        struct error problem = { 0 };

        if (mark_check(key, err))
                return true;
        mark_read(key, &mark);
        if (mark.signed_out && !cache_forget(key, &problem))
                journal_add("%s", problem.text);
        bool over = mark.signed_out || (directory_shell_is_over() && !entry->found);
        if (over && entry->granted_role && !session_end(server, entry->granted_role, &problem))
                journal_add("%s", problem.text);
        cache_entry_clear(entry);
        return false;
}

bool session_end(struct server *server, const char *role, struct error *err)
{
        scoped(login_request_clear) struct login_request request = { .role = xstrdup(role) };
        json_auto_t *body = login_request_encode(&request);
        scoped(http_reply_clear) struct http_reply reply = { 0 };

        return server_post(server, ROUTE_LOGOUT, body, &reply, err) ||
               err->kind == ERROR_NOT_FOUND || error_wrap(err, "signing out at %s", server->url);
}
