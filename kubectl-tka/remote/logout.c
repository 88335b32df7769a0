#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/mark.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/target.h"
#include "kubectl-tka/report.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/login.h"

#define DEADLINE_MS 15000
#define LOGOUT_PATH "/api/v1alpha1/logout"

struct logout_run {
        const struct config *config;
        struct kubeconfig_files files;
        struct target_list known, selected;
        char *url; /* of the server to ask */
};

static void clear_run(struct logout_run *run)
{
        target_list_clear(&run->known);
        target_list_clear(&run->selected);
        kubeconfig_files_clear(&run->files);
        free(run->url);
}

/* A name that is no context and no cluster of ours is a server's. */
static bool find_targets(struct logout_run *run, struct error *err)
{
        const struct config *config = run->config;
        const char *word = config_operand(config) ? config_operand(config) : config->server;

        if (!kubeconfig_files_read(config->kubeconfig, &run->files, err))
                return false;
        target_list_read(&run->files, &run->known);
        if (!word &&
            !target_list_select_usual(&run->known, run->files.current_context, &run->selected, err))
                return false;
        if (word)
                target_list_select(&run->known, word, NULL, &run->selected);
        if (run->selected.count == 0) {
                if (!config_server_url(config, word, &run->url, err))
                        return false;
                target_list_select(&run->known, "", run->url, &run->selected);
                return true;
        }
        run->url = xstrdup(run->selected.items[0].key.server);
        return true;
}

/* Before the server is asked: whatever it answers, nothing here signs in again by itself. */
static bool forget(const struct target_list *targets, int64_t *until, struct error *err)
{
        bool done = true;
        unsigned tiers = 0;
        bool known = cache_mode_parse("auto", &tiers);

        (void)known;
        for (size_t i = 0; i < targets->count; i++) {
                const struct cache_key *key = &targets->items[i].key;
                scoped(cache_entry_clear) struct cache_entry entry = { 0 };
                struct error miss = { 0 };
                if (cache_read(tiers, key, &entry, &miss) && entry.until > *until)
                        *until = entry.until;
                done = mark_write(key, &(struct mark){ .signed_out = true }, err) &&
                       cache_forget(key, err) && done;
        }
        return done;
}

/* NOT_FOUND is fine: there was no session. *ended counts those there were. */
static bool end_session(struct server *server, const char *role, size_t *ended, struct error *err)
{
        scoped(login_request_clear) struct login_request request = { .role = role[0] ? xstrdup(role)
                                                                                     : NULL };
        json_auto_t *body = login_request_encode(&request);
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(login_clear) struct login login = { 0 };

        if (!server_post(server, LOGOUT_PATH, body, &reply, err))
                return err->kind == ERROR_NOT_FOUND ||
                       error_wrap(err, "signing out at %s", server->url);
        if (!login_decode(buf_text(&reply.body), reply.body.length, &login, err))
                return error_wrap(err, "reading the answer of %s", server->url);
        *ended += login.sessions.count > 0 ? login.sessions.count : 1;
        return true;
}

/* Without a role: every session of this login on this node. */
static bool end_sessions(struct server *server, const struct target_list *targets, size_t *ended,
                         struct error *err)
{
        bool all = targets->count == 0;

        for (size_t i = 0; i < targets->count; i++)
                all = all || targets->items[i].key.role[0] == '\0';
        if (all)
                return end_session(server, "", ended, err);
        for (size_t i = 0; i < targets->count; i++)
                if (!end_session(server, targets->items[i].key.role, ended, err))
                        return false;
        return true;
}

static bool ask_server(const struct logout_run *run, size_t *ended, struct error *err)
{
        scoped(server_clear) struct server server = { 0 };

        server_init(&server, DEADLINE_MS);
        return server_connect(&server, run->config, run->url, err) &&
               end_sessions(&server, &run->selected, ended, err);
}

static bool report_living(const struct logout_run *run, int64_t until, struct error *err)
{
        char text[TIMESTAMP_TEXT_SIZE];

        if (run->selected.count == 0)
                return false;
        error_wrap(err, "signed out here alone");
        return error_advise(err, "the session lives on the server until %s",
                            until > 0 ? timestamp_format(until, text) : "its time is over");
}

bool cmd_logout(const struct config *config, struct error *err)
{
        scoped(clear_run) struct logout_run run = { .config = config };
        int64_t until = 0;
        size_t ended = 0;

        if (!find_targets(&run, err) || !forget(&run.selected, &until, err))
                return false;
        if (!ask_server(&run, &ended, err))
                return report_living(&run, until, err);
        if (!config->quiet)
                printf(ended > 0 ? "Signed out of %s\n" : "There was no session at %s\n",
                       run.selected.count > 0 ? run.selected.items[0].key.cluster : run.url);
        return true;
}
