#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kubectl-tka/local/report.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/peer.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/rules.h"
#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/table.h"
#include "kubectl-tka/remote/target.h"
#include "lib/api/tailscale.h"
#include "lib/crowd.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "schema/cluster_info.h"
#include "schema/login.h"
#include "schema/routes.h"

#define DEADLINE_MS 2000

static const struct output_column columns[] = {
        { "NAME",      "name",          OUTPUT_TEXT   },
        { "LABELS",    "labels",        OUTPUT_LABELS },
        { "REACHABLE", "reachable",     OUTPUT_FLAG   },
        { "ROLE",      "role",          OUTPUT_TEXT   },
        { "SESSION",   "session.role",  OUTPUT_TEXT   },
        { "UNTIL",     "session.until", OUTPUT_TIME   },
        { "SERVER",    "server",        OUTPUT_TEXT   },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "name" };

struct row {
        char *url;
        json_t *item; /* what is shown of it */
};

struct list_run {
        const struct config *config;
        struct loop *loop;
        struct row *rows;
        size_t count;
        int64_t deadline_ms; /* of loop_now_ms() */
        struct error unsearched;
};

static void clear_run(struct list_run *run)
{
        for (size_t i = 0; i < run->count; i++) {
                free(run->rows[i].url);
                json_decref(run->rows[i].item);
        }
        free(run->rows);
        loop_free(run->loop);
}

static const struct row *find_row(const struct list_run *run, const char *url)
{
        for (size_t i = 0; i < run->count; i++)
                if (strcmp(run->rows[i].url, url) == 0)
                        return &run->rows[i];
        return NULL;
}

/* Each server once; who named it first. url is taken. */
static json_t *add_row(struct list_run *run, char *url, const char *name, const char *source)
{
        const struct row *known = find_row(run, url);

        if (known) {
                free(url);
                return known->item;
        }
        run->rows = xrealloc(run->rows, (run->count + 1) * sizeof(run->rows[0]));
        struct row *row = &run->rows[run->count++];
        *row = (struct row){ .url = url, .item = json_object() };
        json_set_text(row->item, "name", name);
        json_set_text(row->item, "server", url);
        json_set_text(row->item, "source", source);
        json_object_set_new(row->item, "contexts", json_array());
        json_object_set_new(row->item, "reachable", json_false());
        return row->item;
}

static bool add_known(struct list_run *run, struct error *err)
{
        scoped(kubeconfig_files_clear) struct kubeconfig_files files = { 0 };
        scoped(target_list_clear) struct target_list targets = { 0 };
        const struct config *config = run->config;

        if (!kubeconfig_files_read(config->kubeconfig, &files, err))
                return false;
        target_list_read(&files, &targets);
        for (size_t i = 0; i < targets.count; i++) {
                const struct target *target = &targets.items[i];
                const json_t *item = add_row(run, xstrdup(target->key.server), target->key.cluster,
                                             "kubeconfig");
                json_array_append_new(json_object_get(item, "contexts"),
                                      json_text(target->context));
        }
        if (config_server_is_default(config))
                return true;
        char *url = NULL;
        if (!config_server_url(config, NULL, &url, err))
                return false;
        const char *host = strstr(url, "://") + 3;
        scoped_free char *name = xstrndup(host, strcspn(host, ".:"));
        add_row(run, url, name, "config");
        return true;
}

/* "https://tka.example.ts.net:8123" and a peer: by address, or any of its names. */
static bool is_at(const char *url, const struct tailscale_peer *peer)
{
        const char *at = strstr(url, "://") + 3;
        scoped_free char *host = *at == '[' ? xstrndup(at + 1, strcspn(at + 1, "]"))
                                            : xstrndup(at, strcspn(at, ":"));

        return text_list_has(&peer->addresses, host) || peer_has_name(peer, host);
}

static bool is_listed(const struct list_run *run, const struct tailscale_peer *peer)
{
        for (size_t i = 0; i < run->count; i++)
                if (is_at(run->rows[i].url, peer))
                        return true;
        return false;
}

/* A node with a server's tag is asked at the configured port. */
static void add_peer(struct list_run *run, const struct tailscale_peer *peer)
{
        const char *full = peer->dns_name ? peer->dns_name : peer->name;
        size_t length = full ? strlen(full) : 0;
        char *url = NULL;
        struct error ignored = { 0 };

        if (length > 0 && full[length - 1] == '.')
                length--;
        if (length == 0 || !peer->online || is_listed(run, peer))
                return;
        scoped_free char *host = xstrndup(full, length);
        scoped_free char *name = xstrndup(full, strcspn(full, "."));
        bool secure = run->config->port == CONFIG_PORT;
        if (config_server_url(run->config, secure ? host : name, &url, &ignored))
                add_row(run, url, name, "tailnet");
}

static void close_tailscale(struct tailscale **tailscale)
{
        tailscale_free(*tailscale);
}

/* On a fiber, so that it ends in time. */
static void search_tailnet(void *owner, size_t index)
{
        struct list_run *run = owner;
        const struct config *config = run->config;
        scoped(close_tailscale) struct tailscale *tailscale =
                tailscale_new(run->loop, config->socket);
        scoped(tailscale_status_clear) struct tailscale_status status = { 0 };

        (void)index;
        if (!tailscale_status(tailscale, true, &status, &run->unsearched))
                return;
        if (!status.running) {
                error_set(&run->unsearched, ERROR_UNAVAILABLE, "tailscaled is not connected (%s)",
                          status.backend_state);
                return;
        }
        for (size_t i = 0; i < status.peer_count; i++)
                if (peer_tags_match(&status.peers[i].tags, &config->server_tags))
                        add_peer(run, &status.peers[i]);
}

static bool ask_cluster_info(struct server *server, json_t *item, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(cluster_info_clear) struct cluster_info info = { 0 };

        if (!server_get(server, ROUTE_CLUSTER_INFO, &reply, err)) {
                json_object_set_new(item, "reachable", json_boolean(err->http_status != 0));
                return false;
        }
        json_object_set_new(item, "reachable", json_true());
        if (!cluster_info_decode(buf_text(&reply.body), reply.body.length, &info, err))
                return false;
        json_set_text(item, "name", info.name);
        json_set_text(item, "api_server", info.server_url);
        if (info.labels)
                json_object_set(item, "labels", info.labels);
        return true;
}

static void set_session(json_t *item, const char *role, const char *until)
{
        json_t *session = json_object();

        json_set_text(session, "role", role);
        json_set_text(session, "until", until);
        json_object_set_new(item, "session", session);
}

/* The session of this device that lasts longest. */
static void find_session(const json_t *access, json_t *item)
{
        size_t index = 0;
        const json_t *session = NULL;
        const char *last = "";

        json_array_foreach(json_object_get(access, "sessions"), index, session)
        {
                const char *until = json_text_at(session, "until");
                if (!json_bool_at(session, "here", false) || strcmp(until, last) <= 0)
                        continue;
                last = until;
                set_session(item, json_text_at(session, "role"), until);
        }
}

/* An older server says no more than which session there is. */
static void ask_login(struct server *server, json_t *item)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(login_clear) struct login login = { 0 };
        struct error ignored = { 0 };

        if (!server_get(server, ROUTE_LOGIN, &reply, &ignored) ||
            !login_decode(buf_text(&reply.body), reply.body.length, &login, &ignored))
                return;
        json_set_text(item, "role", login.role);
        set_session(item, login.role, login.until);
}

static bool ask_rest(struct server *server, json_t *item, struct error *err)
{
        json_auto_t *access = NULL;

        if (rules_fetch(server, &access, err)) {
                json_set_text(item, "role", json_text_at(access, "role"));
                json_set_text(item, "refused", json_text_at(access, "refused"));
                find_session(access, item);
                return true;
        }
        if (err->kind != ERROR_NOT_FOUND)
                return false;
        ask_login(server, item);
        return true;
}

static void ask(void *owner, size_t index)
{
        struct list_run *run = owner;
        struct row *row = &run->rows[index];
        scoped(server_clear) struct server server = { 0 };
        struct error err = { 0 };

        server_init_on(&server, run->loop, loop_left_ms(run->deadline_ms));
        if (!server_connect(&server, run->config, row->url, &err) ||
            !ask_cluster_info(&server, row->item, &err) || !ask_rest(&server, row->item, &err))
                json_set_text(row->item, "error", err.text);
}

static int compare_rows(const void *left, const void *right)
{
        const struct row *a = left;
        const struct row *b = right;
        int order = strcasecmp(json_text_at(a->item, "name"), json_text_at(b->item, "name"));

        return order != 0 ? order : strcmp(a->url, b->url);
}

static void ask_all(struct list_run *run)
{
        scoped(progress_stop) struct progress *progress =
                progress_start(run->loop, run->config, "asking all clusters");

        crowd_run(run->loop, 1, search_tailnet, run, DEADLINE_MS / 2);
        crowd_run(run->loop, run->count, ask, run, loop_left_ms(run->deadline_ms));
        if (run->count > 0)
                qsort(run->rows, run->count, sizeof(run->rows[0]), compare_rows);
}

/* What the table has no room for. */
static void tell_unreachable(const struct list_run *run)
{
        for (size_t i = 0; i < run->count && !run->config->quiet; i++) {
                const json_t *item = run->rows[i].item;
                const char *problem = json_text_at(item, "error");
                if (problem)
                        report_warning("%s: %s", json_text_at(item, "name"), problem);
        }
}

static bool show(const struct list_run *run, struct error *err)
{
        json_auto_t *items = json_array();

        for (size_t i = 0; i < run->count; i++)
                json_array_append(items, run->rows[i].item);
        if (run->unsearched.kind != ERROR_NONE)
                report_warning("the tailnet was not searched: %s", run->unsearched.text);
        if (run->count == 0 && !run->config->output) {
                error_set(err, ERROR_NOT_FOUND, "no cluster is known here, and none was found");
                return error_advise(err, "\"%s login SERVER\" signs in to one",
                                    run->config->program);
        }
        if (output_format_parse(run->config->output, OUTPUT_TABLE) == OUTPUT_TABLE)
                tell_unreachable(run);
        return table_show(run->config, &view, items, err);
}

bool cmd_list(const struct config *config, struct error *err)
{
        scoped(clear_run) struct list_run run = { .config = config,
                                                  .loop = loop_new(),
                                                  .deadline_ms = loop_now_ms() + DEADLINE_MS };

        if (!add_known(&run, err))
                return false;
        ask_all(&run);
        return show(&run, err);
}
