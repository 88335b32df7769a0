#include "kubectl-tka/remote/sign_in.h"

#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/local/token.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/session.h"
#include "lib/duration.h"
#include "lib/memory.h"
#include "schema/routes.h"

#define DEADLINE_MS 30000
#define LIMIT_CLUSTER_NAME 253

void sign_in_clear(struct sign_in *sign_in)
{
        cluster_info_clear(&sign_in->info);
        cache_entry_clear(&sign_in->entry);
        server_clear(&sign_in->server);
        target_book_clear(&sign_in->book);
        kubeconfig_files_clear(&sign_in->files);
        free(sign_in->url);
        free(sign_in->cluster);
        free(sign_in->context);
}

struct cache_key sign_in_key(const struct sign_in *sign_in)
{
        return (struct cache_key){ .server = sign_in->url,
                                   .ca_hash = sign_in->ca_hash,
                                   .cluster = sign_in->cluster,
                                   .role = sign_in->role };
}

/* What stands in the kubeconfig's arguments: no client may have to quote it. */
static bool check_plain(const char *what, const char *text, size_t limit, struct error *err)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789.-_:/@";
        size_t length = strlen(text);

        if (length > 0 && length <= limit && text[0] != '-' && strspn(text, allowed) == length)
                return true;
        return error_set(err, ERROR_INVALID, "\"%.100s\" cannot be the name of a %s", text, what);
}

static bool check_text(const char *what, const char *text, struct error *err)
{
        json_auto_t *value = text ? json_string(text) : json_null();

        return value || error_set(err, ERROR_INVALID, "%s \"%.100s\" is not UTF-8", what, text);
}

/* What a kubeconfig, which is UTF-8, is to hold. */
static bool check_texts(const struct config *config, struct error *err)
{
        if (config->context_name && !config->context_name[0])
                return error_set(err, ERROR_INVALID, "--context-name is empty");
        for (size_t i = 0; i < config->server_tags.count; i++)
                if (!check_text("--server-tags", config->server_tags.items[i], err))
                        return false;
        return check_text("--context-name", config->context_name, err) &&
               check_text("--config", config->config_file, err) &&
               check_text("--tailscale-socket", config->socket, err) &&
               check_text("--node-id", config->node_id, err);
}

/* "login prod" and "login" go where the last login to it went. */
static bool find_server(struct sign_in *sign_in, struct error *err)
{
        const struct config *config = sign_in->config;
        const char *word = config_operand(config);
        scoped(target_list_clear) struct target_list selected = { 0 };
        const struct target *named = NULL;

        target_book_read(&sign_in->files, &sign_in->book);
        if (word && !strstr(word, "://")) {
                if (!target_book_select(&sign_in->book, word, &selected, err))
                        return false;
                named = target_find(&selected, word);
        } else if (!word && !config->server && config_server_is_default(config) &&
                   !target_list_select_usual(&sign_in->book.known, sign_in->files.current_context,
                                             &selected, err)) {
                return false;
        }
        if (named && named->key.role[0] && !config->role)
                sign_in->role = named->key.role;
        if (named && strcmp(sign_in->role, named->key.role) == 0)
                sign_in->context = xstrdup(named->context);
        return config_server_url(config, selected.count > 0 ? selected.items[0].key.server : word,
                                 &sign_in->url, err);
}

static bool read_cluster_info(struct sign_in *sign_in, struct error *err)
{
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        const char *host = strstr(sign_in->url, "://") + 3;

        if (!server_get(&sign_in->server, ROUTE_CLUSTER_INFO, &reply, err))
                return error_wrap(err, "asking %s for its cluster", sign_in->url);
        if (!cluster_info_decode(buf_text(&reply.body), reply.body.length, &sign_in->info, err) ||
            !ca_hash_of(sign_in->info.ca_data, sign_in->ca_hash, err))
                return error_wrap(err, "reading the answer of %s", sign_in->url);
        if (strncmp(sign_in->info.server_url, "https://", 8) != 0)
                return error_set(err, ERROR_INVALID,
                                 "the cluster's API server is \"%.200s\": kubectl sends no "
                                 "credentials but over https",
                                 sign_in->info.server_url);
        sign_in->cluster = sign_in->info.name ? xstrdup(sign_in->info.name)
                                              : xstrndup(host, strcspn(host, ".:"));
        return check_plain("cluster", sign_in->cluster, LIMIT_CLUSTER_NAME, err);
}

static void name_context(struct sign_in *sign_in)
{
        const char *role = sign_in->role;

        if (sign_in->config->context_name) {
                free(sign_in->context);
                sign_in->context = xstrdup(sign_in->config->context_name);
        } else if (!sign_in->context) {
                sign_in->context = xasprintf("%s%s%s", sign_in->cluster, role[0] ? "!" : "", role);
        }
}

bool sign_in_find(const struct config *config, struct sign_in *sign_in, struct error *err)
{
        sign_in->config = config;
        sign_in->role = config->role ? config->role : "";
        if (config->role && !check_plain("role", config->role, LIMIT_ROLE, err))
                return false;
        if (!check_texts(config, err) ||
            !kubeconfig_files_read(config->kubeconfig, &sign_in->files, err) ||
            !find_server(sign_in, err))
                return false;
        server_init(&sign_in->server, DEADLINE_MS);
        scoped(progress_stop) struct progress *progress = progress_start(
                sign_in->server.loop, config, "asking %s for its cluster", sign_in->url);
        if (!server_connect(&sign_in->server, config, sign_in->url, err) ||
            !read_cluster_info(sign_in, err))
                return false;
        name_context(sign_in);
        return true;
}

bool sign_in_fetch(struct sign_in *sign_in, struct error *err)
{
        const struct config *config = sign_in->config;
        char period[DURATION_TEXT_SIZE];
        scoped(login_request_clear) struct login_request request = {
                .role = sign_in->role[0] ? xstrdup(sign_in->role) : NULL,
                .reason = xstrdup(config->reason),
        };

        scoped(progress_stop) struct progress *progress =
                progress_start(sign_in->server.loop, config,
                               "signing in to %s: waiting for the session", sign_in->cluster);
        if (config->for_seconds > 0)
                request.period = xstrdup(duration_format_seconds(config->for_seconds, period));
        return session_fetch(&sign_in->server, &request, &sign_in->entry, err);
}

bool sign_in_is_once(struct sign_in *sign_in, struct mark *mark)
{
        const struct config *config = sign_in->config;
        struct cache_entry *entry = &sign_in->entry;

        if (config->for_seconds == 0 && !config->reason)
                return false;
        entry->renewable = false;
        *mark = (struct mark){ .once = true,
                               .until = token_session_end(entry),
                               .period_seconds = entry->period_seconds };
        return true;
}
