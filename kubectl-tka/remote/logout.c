#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/kubeconfig/kubeconfig_entry.h"
#include "kubectl-tka/local/known.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/remote/cache_write.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/target.h"
#include "lib/crowd.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/login.h"
#include "schema/routes.h"

#define DEADLINE_MS 15000

/* What is ended at one server. */
struct departure {
        struct target_list targets; /* of the kubeconfig; none for a server that is only named */
        char *url;
        int64_t until; /* of the session that may live on, by this machine's clock */
        size_t ended;
        size_t removed;     /* contexts taken out of the kubeconfig */
        struct error local; /* kind ERROR_NONE: all is forgotten here */
        struct error err;   /* kind ERROR_NONE: the server has answered */
};

struct logout_run {
        const struct config *config;
        struct kubeconfig_files files;
        struct target_list known;
        struct known_list noted; /* of whatever kubeconfig: other shells have theirs */
        struct departure *departures;
        size_t count;
        struct loop *loop;
};

static void clear_run(struct logout_run *run)
{
        for (size_t i = 0; i < run->count; i++) {
                target_list_clear(&run->departures[i].targets);
                free(run->departures[i].url);
        }
        free(run->departures);
        target_list_clear(&run->known);
        known_list_clear(&run->noted);
        kubeconfig_files_clear(&run->files);
        if (run->loop)
                loop_free(run->loop);
}

static struct departure *add_departure(struct logout_run *run, const char *url)
{
        run->departures = xrealloc(run->departures, (run->count + 1) * sizeof(run->departures[0]));
        run->departures[run->count] = (struct departure){ .url = xstrdup(url) };
        return &run->departures[run->count++];
}

/* A name that is no context and no cluster of ours is a server's. */
static bool find_one(struct logout_run *run, const char *word, struct error *err)
{
        scoped(target_list_clear) struct target_list selected = { 0 };
        scoped_free char *url = NULL;

        if (word ? !target_list_select_server(&run->known, word, &selected, err)
                 : !target_list_select_usual(&run->known, run->files.current_context, &selected,
                                             err))
                return false;
        if (selected.count > 0)
                url = xstrdup(selected.items[0].key.server);
        else if (!config_server_url(run->config, word, &url, err))
                return false;
        else
                target_list_select(&run->known, "", url, &selected);
        add_departure(run, url)->targets = selected;
        selected = (struct target_list){ 0 };
        return true;
}

static bool is_target(const struct departure *departure, const struct cache_key *key)
{
        for (size_t i = 0; i < departure->targets.count; i++)
                if (cache_key_equals(&departure->targets.items[i].key, key))
                        return true;
        return false;
}

static struct departure *find_server(struct logout_run *run, const char *server)
{
        for (size_t i = 0; i < run->count; i++)
                if (strcmp(run->departures[i].url, server) == 0)
                        return &run->departures[i];
        struct departure *departure = add_departure(run, server);
        target_list_select(&run->known, "", server, &departure->targets);
        return departure;
}

/* Whether a session may be there still, by what lies here. */
static bool is_alive(const struct cache_key *key)
{
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct error miss = { 0 };
        int64_t now = timestamp_now();

        return cache_read(CACHE_ALL_TIERS, key, &entry, &miss) &&
               (token_session_end(&entry) > now || token_is_alive(&entry, now));
}

/* Every server of a context of ours, once; of those that stand in other kubeconfigs, where there is
 * something to end. */
static void find_all(struct logout_run *run)
{
        for (size_t i = 0; i < run->known.count; i++)
                find_server(run, run->known.items[i].key.server);
        for (size_t i = 0; i < run->noted.count; i++) {
                const struct known *known = &run->noted.items[i];
                const struct target target = { known->context, known_key(known) };
                if (!is_alive(&target.key))
                        continue;
                struct departure *departure = find_server(run, known->server);
                if (!is_target(departure, &target.key))
                        target_list_add(&departure->targets, &target);
        }
}

static bool find_departures(struct logout_run *run, struct error *err)
{
        const struct config *config = run->config;
        const char *word = config_operand(config) ? config_operand(config) : config->server;

        if (!kubeconfig_files_read(config->kubeconfig, &run->files, err))
                return false;
        target_list_read(&run->files, &run->known);
        known_list_read(&run->noted);
        if (!config->all)
                return find_one(run, word, err);
        if (word)
                return error_set(err, ERROR_INVALID, "\"%.100s\" beside --all", word);
        find_all(run);
        return true;
}

/* The first of several problems is the one that is told. */
static void note_problem(struct departure *departure, const struct error *problem)
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
                note_problem(departure, &problem);
        }
        if (!cache_forget(key, &problem)) {
                error_wrap(&problem, "a token for %s stays here", key->cluster);
                note_problem(departure, &problem);
        }
}

/* Without a role: every session of this login on this node. */
static bool ends_role(const struct departure *departure, const char *role)
{
        const struct target_list *targets = &departure->targets;
        bool ends = targets->count == 0;

        for (size_t i = 0; i < targets->count; i++) {
                const char *ended = targets->items[i].key.role;
                ends = ends || ended[0] == '\0' || strcmp(ended, role) == 0;
        }
        return ends;
}

/* Before the server is asked: whatever it answers, nothing here signs in again by itself, by
 * whatever kubeconfig. */
static void forget(const struct logout_run *run, struct departure *departure)
{
        for (size_t i = 0; i < departure->targets.count; i++)
                forget_key(departure, &departure->targets.items[i].key);
        for (size_t i = 0; i < run->noted.count; i++) {
                const struct cache_key key = known_key(&run->noted.items[i]);
                if (strcmp(key.server, departure->url) == 0 && ends_role(departure, key.role) &&
                    !is_target(departure, &key))
                        forget_key(departure, &key);
        }
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

/* No session is fine. *ended counts those there were. */
static bool end_session(struct server *server, const char *role, bool everywhere, size_t *ended,
                        struct error *err)
{
        scoped(login_request_clear) struct login_request request = { .role = role[0] ? xstrdup(role)
                                                                                     : NULL,
                                                                     .everywhere = everywhere };
        json_auto_t *body = login_request_encode(&request);
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(login_clear) struct login login = { 0 };

        if (!server_post(server, ROUTE_LOGOUT, body, &reply, err))
                return is_gone(server, err) || error_wrap(err, "signing out at %s", server->url);
        if (!login_decode(buf_text(&reply.body), reply.body.length, &login, err))
                return error_wrap(err, "reading the answer of %s", server->url);
        *ended += login.sessions.count > 0 ? login.sessions.count : 1;
        return true;
}

static bool end_sessions(struct server *server, struct departure *departure, bool everywhere,
                         struct error *err)
{
        const struct target_list *targets = &departure->targets;

        if (ends_role(departure, ""))
                return end_session(server, "", everywhere, &departure->ended, err);
        for (size_t i = 0; i < targets->count; i++)
                if (!end_session(server, targets->items[i].key.role, everywhere, &departure->ended,
                                 err))
                        return false;
        return true;
}

/* On a fiber of its own. */
static void depart(void *owner, size_t index)
{
        struct logout_run *run = owner;
        struct departure *departure = &run->departures[index];
        scoped(server_clear) struct server server = { 0 };
        struct error err = { 0 };

        server_init_on(&server, run->loop, DEADLINE_MS);
        if (!server_connect(&server, run->config, departure->url, &err) ||
            !end_sessions(&server, departure, run->config->everywhere, &err))
                departure->err = err;
}

static void depart_all(struct logout_run *run)
{
        run->loop = loop_new();
        scoped(progress_stop) struct progress *progress =
                progress_start(run->loop, run->config, "signing out");

        crowd_run(run->loop, run->count, depart, run, DEADLINE_MS);
}

/* One that stands in another kubeconfig stays there. */
static bool is_in_kubeconfig(const struct logout_run *run, const struct target *target)
{
        const struct target *found = target_find(&run->known, target->context);

        return found && cache_key_equals(&found->key, &target->key);
}

/* Only where the server has answered: who has to try again needs the context. */
static void remove_contexts(const struct logout_run *run, struct departure *departure)
{
        for (size_t i = 0; i < departure->targets.count; i++) {
                const struct target *target = &departure->targets.items[i];
                struct error problem = { 0 };
                if (departure->err.kind != ERROR_NONE || !is_in_kubeconfig(run, target))
                        continue;
                if (kubeconfig_entry_remove(&run->files, target->context, &problem) &&
                    known_remove(target->context, &problem)) {
                        departure->removed++;
                        continue;
                }
                error_wrap(&problem, "the context %s stays", target->context);
                note_problem(departure, &problem);
        }
}

static const char *name_of(const struct departure *departure)
{
        return departure->targets.count > 0 ? departure->targets.items[0].key.cluster
                                            : departure->url;
}

static void explain(const struct departure *departure, struct error *err)
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

static json_t *describe(const struct departure *departure)
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

static void print(const struct departure *departure, struct buf *text)
{
        scoped_free char *name = report_plain(name_of(departure));

        buf_printf(text, departure->ended > 0 ? "Signed out of %s" : "There was no session at %s",
                   name);
        if (departure->removed > 0)
                buf_printf(text, ", and took %s out of the kubeconfig",
                           departure->removed == 1 ? "its context" : "its contexts");
        buf_add(text, "\n");
}

static bool show(const struct logout_run *run, struct error *err)
{
        static const struct output_view view = { .name = "cluster" };
        enum output_format format = output_format_parse(run->config->output, OUTPUT_TABLE);
        json_auto_t *items = json_array();
        scoped(buf_clear) struct buf text = { 0 };

        for (size_t i = 0; i < run->count; i++) {
                const struct departure *departure = &run->departures[i];
                json_array_append_new(items, describe(departure));
                if (format == OUTPUT_TABLE && departure->err.kind == ERROR_NONE)
                        print(departure, &text);
        }
        if (format != OUTPUT_TABLE)
                output_print(format, &view, items, &text);
        else if (run->config->quiet)
                buf_clear(&text);
        return output_write(&text, err);
}

/* Of several failures all are told, and the first one's code is that of the command. */
static void tell(const struct error *one, bool *failed, struct error *err)
{
        if (*failed)
                report_error(one);
        else
                *err = *one;
        *failed = true;
}

static bool judge(const struct logout_run *run, struct error *err)
{
        bool failed = false;

        for (size_t i = 0; i < run->count; i++) {
                const struct departure *departure = &run->departures[i];
                struct error one = { 0 };
                if (departure->err.kind != ERROR_NONE) {
                        explain(departure, &one);
                        tell(&one, &failed, err);
                }
                if (departure->local.kind != ERROR_NONE)
                        tell(&departure->local, &failed, err);
        }
        return !failed;
}

bool cmd_logout(const struct config *config, struct error *err)
{
        scoped(clear_run) struct logout_run run = { .config = config };

        if (!find_departures(&run, err))
                return false;
        for (size_t i = 0; i < run.count; i++)
                forget(&run, &run.departures[i]);
        depart_all(&run);
        for (size_t i = 0; i < run.count && config->forget; i++)
                remove_contexts(&run, &run.departures[i]);
        return show(&run, err) && judge(&run, err);
}
