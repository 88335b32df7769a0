#include <string.h>

#include "kubectl-tka/remote/ca_hash.h"
#include "kubectl-tka/remote/errand.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/table.h"
#include "lib/memory.h"
#include "schema/cluster_info.h"
#include "schema/routes.h"

#define DEADLINE_MS 10000

static const struct output_column columns[] = {
        { "Name",             "name",                     OUTPUT_TEXT   },
        { "API server",       "server_url",               OUTPUT_TEXT   },
        { "TLS name",         "tls_server_name",          OUTPUT_TEXT   },
        { "CA (SHA-256)",     "ca_hash",                  OUTPUT_TEXT   },
        { "Skips TLS checks", "insecure_skip_tls_verify", OUTPUT_FLAG   },
        { "Labels",           "labels",                   OUTPUT_LABELS },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "name" };

bool cmd_cluster_info(const struct config *config, struct error *err)
{
        scoped(errand_clear) struct errand errand = { 0 };
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(cluster_info_clear) struct cluster_info info = { 0 };
        char hash[CA_HASH_SIZE];

        if (!errand_begin(config, DEADLINE_MS, &errand, err))
                return false;
        scoped(progress_stop) struct progress *progress =
                progress_start(errand.server.loop, config, "asking %s", errand.url);
        if (!server_get(&errand.server, ROUTE_CLUSTER_INFO, &reply, err))
                return false;
        if (!cluster_info_decode(buf_text(&reply.body), reply.body.length, &info, err) ||
            !ca_hash_of(info.ca_data, hash, err))
                return error_wrap(err, "reading the answer of %s", errand.url);

        json_auto_t *document = cluster_info_encode(&info);
        if (info.ca_data)
                json_object_set_new(document, "ca_hash", json_string(hash));
        progress_stop(&progress);
        return table_show(config, &view, document, err);
}
