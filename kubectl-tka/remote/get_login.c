#include "kubectl-tka/remote/errand.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/table.h"
#include "lib/memory.h"
#include "schema/login.h"
#include "schema/routes.h"

#define DEADLINE_MS 10000

static const struct output_column columns[] = {
        { "User",        "username",    OUTPUT_TEXT },
        { "Role",        "role",        OUTPUT_TEXT },
        { "Until",       "until",       OUTPUT_TIME },
        { "Provisioned", "provisioned", OUTPUT_FLAG },
};
static const struct output_view view = { columns, ARRAY_LENGTH(columns), "username" };

/* A session that is still being prepared is shown too, and the exit code says so. */
bool cmd_get_login(const struct config *config, struct error *err)
{
        scoped(errand_clear) struct errand errand = { 0 };
        scoped(http_reply_clear) struct http_reply reply = { 0 };
        scoped(login_clear) struct login login = { 0 };

        if (!errand_begin(config, DEADLINE_MS, &errand, err))
                return false;
        scoped(progress_stop) struct progress *progress =
                progress_start(errand.server.loop, config, "asking %s", errand.url);
        if (!server_get(&errand.server, ROUTE_LOGIN, &reply, err))
                return false;
        if (!login_decode(buf_text(&reply.body), reply.body.length, &login, err))
                return error_wrap(err, "reading the answer of %s", errand.url);

        bool provisioned = reply.status == 200;
        json_auto_t *document = login_encode(&login);
        json_object_set_new(document, "provisioned", json_boolean(provisioned));
        progress_stop(&progress);
        if (!table_show(config, &view, document, err))
                return false;
        return provisioned ||
               error_set(err, ERROR_PENDING, "%s is still preparing the session", errand.url);
}
