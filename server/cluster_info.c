#include "schema/cluster_info.h"

#include "server/handlers.h"
#include "server/server.h"

bool handle_cluster_info(struct server *server, struct caller *caller,
                         struct http_exchange *exchange, struct error *err)
{
        json_auto_t *body = cluster_info_encode(&server->config->cluster);

        (void)caller;
        (void)err;
        http_exchange_reply_json(exchange, 200, body);
        return true;
}
