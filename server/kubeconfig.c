#include "schema/kubeconfig.h"

#include "lib/loop.h"
#include "lib/memory.h"
#include "lib/yaml.h"
#include "server/cluster.h"
#include "server/handlers.h"
#include "server/request.h"
#include "server/session.h"
#include "server/token.h"

static void reply_pending(const struct server *server, struct http_exchange *exchange)
{
        http_exchange_add_retry_after(exchange, server->config->retry_after_seconds);
        http_exchange_reply(exchange, 202, NULL, "", 0);
}

static bool reply(const struct server *server, struct http_exchange *exchange,
                  const struct signin *signin, const struct token *token, struct error *err)
{
        const struct cluster_info *cluster = cluster_info_now(server->cluster, err);
        const struct config *config = server->config;
        scoped_free char *context =
                xasprintf("%s%s", config->context_prefix, signin->spec.username);
        scoped_free char *user = xasprintf("%s%s", config->user_prefix, signin->spec.username);
        const struct kubeconfig kubeconfig = { .cluster_name = config->cluster_name,
                                               .context_name = context,
                                               .user_name = user,
                                               .cluster = cluster,
                                               .token = &token->secret };
        if (cluster == NULL)
                return false;

        bool yaml = request_prefers_yaml(http_exchange_header(exchange, "Accept"));
        json_auto_t *body =
                yaml ? kubeconfig_encode_list(&kubeconfig) : kubeconfig_encode_map(&kubeconfig);
        scoped(buf_clear) struct buf text = { 0 };

        http_exchange_add_header(exchange, "Vary", "Accept");
        if (!yaml) {
                http_exchange_reply_json(exchange, 200, body);
                return true;
        }
        yaml_print(body, &text);
        http_exchange_reply(exchange, 200, "application/yaml", buf_text(&text), text.length);
        return true;
}

bool handle_kubeconfig(struct server *server, struct caller *caller, struct http_exchange *exchange,
                       struct error *err)
{
        scoped(signin_clear) struct signin signin = { 0 };
        scoped(token_clear) struct token token = { 0 };
        char role[LIMIT_ROLE + 1];
        int64_t wait_ms = request_wait_ms(http_exchange_header(exchange, "Prefer"));

        if (!request_read_role(caller, exchange, role, err) ||
            !session_pick(server, caller, role[0] == '\0' ? NULL : role, &signin, err))
                return false;

        scoped_free char *name = xstrdup(signin.name);
        if (!session_wait_ready(server, name, loop_now_ms() + wait_ms, &signin, err)) {
                if (err->kind != ERROR_PENDING)
                        return false;
                reply_pending(server, exchange);
                return true;
        }
        if (!token_issue(server, caller, &signin, &token, err)) {
                if (err->kind == ERROR_CONFLICT)
                        err->kind = ERROR_UNAVAILABLE;
                return false;
        }
        return reply(server, exchange, &signin, &token, err);
}
