#include "schema/cluster_info.h"

#include "server/cluster.h"
#include "server/handlers.h"
#include "server/server.h"

bool handle_cluster_info(struct server *server, struct caller *caller,
                         struct http_exchange *exchange, struct error *err)
{
        const struct cluster_info *cluster = cluster_info_now(server->cluster, err);

        (void)caller;
        if (cluster == NULL)
                return false;

        json_auto_t *body = cluster_info_encode(cluster);
        http_exchange_reply_json(exchange, 200, body);
        return true;
}
