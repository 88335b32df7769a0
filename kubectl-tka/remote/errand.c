#include "kubectl-tka/remote/errand.h"

#include <stdlib.h>

void errand_clear(struct errand *errand)
{
        server_clear(&errand->server);
        target_list_clear(&errand->selected);
        target_list_clear(&errand->known);
        kubeconfig_files_clear(&errand->files);
        free(errand->url);
        errand->url = NULL;
}

static bool find_url(struct errand *errand, struct error *err)
{
        const struct config *config = errand->config;
        const char *word = config_operand(config) ? config_operand(config) : config->server;

        if (!kubeconfig_files_read(config->kubeconfig, &errand->files, err))
                return false;
        target_list_read(&errand->files, &errand->known);
        if (word ? !target_list_select_server(&errand->known, word, &errand->selected, err)
                 : !target_list_select_usual(&errand->known, errand->files.current_context,
                                             &errand->selected, err))
                return false;
        if (errand->selected.count > 0)
                word = errand->selected.items[0].key.server;
        return config_server_url(config, word, &errand->url, err);
}

bool errand_begin(const struct config *config, int64_t timeout_ms, struct errand *errand,
                  struct error *err)
{
        errand->config = config;
        if (!find_url(errand, err))
                return false;
        server_init(&errand->server, timeout_ms);
        return server_connect(&errand->server, config, errand->url, err);
}

const char *errand_name(const struct errand *errand)
{
        return errand->selected.count > 0 ? errand->selected.items[0].key.cluster : errand->url;
}
