#include <string.h>

#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/kubeconfig/stanza.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/remote/errand.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/legacy.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/remote/sign_in.h"
#include "lib/file.h"
#include "lib/memory.h"

#define DEADLINE_MS 20000

/* What login would write, as a file of its own. */
static bool describe(const struct config *config, json_t **document, struct error *err)
{
        scoped(sign_in_clear) struct sign_in in = { 0 };

        if (!sign_in_find(config, &in, err))
                return false;
        scoped_free char *command = config->absolute ? exec_remote_beside("kubectl-tka") : NULL;
        const struct stanza stanza = { .name = in.context,
                                       .cluster = &in.info,
                                       .key = sign_in_key(&in),
                                       .config = config,
                                       .command = command };
        *document = stanza_kubeconfig(&stanza);
        return true;
}

/* The server's own, with a token in it. */
static bool fetch(const struct config *config, json_t **document, struct error *err)
{
        scoped(errand_clear) struct errand errand = { 0 };

        if (config->role)
                return error_set(err, ERROR_INVALID,
                                 "--role: with --token it is the session there "
                                 "is that counts");
        if (!errand_begin(config, DEADLINE_MS, &errand, err))
                return false;
        scoped(progress_stop) struct progress *progress = progress_start(
                errand.server.loop, config, "waiting for the kubeconfig of %s", errand.url);
        if (legacy_kubeconfig(&errand.server, document, err))
                return true;
        if (err->kind == ERROR_UNAUTHENTICATED)
                error_advise(err, "\"%s login %s\" signs in", config->program,
                             errand_name(&errand));
        return false;
}

bool cmd_kubeconfig(const struct config *config, struct error *err)
{
        static const struct output_view view = { .name = "current-context" };
        enum output_format format = output_format_parse(config->output, OUTPUT_YAML);
        json_auto_t *document = NULL;
        scoped(buf_clear) struct buf text = { 0 };

        file_forbid_core_dumps();
        if (config->token ? !fetch(config, &document, err) : !describe(config, &document, err))
                return false;
        output_print(format == OUTPUT_TABLE ? OUTPUT_YAML : format, &view, document, &text);
        return output_write(&text, err);
}
