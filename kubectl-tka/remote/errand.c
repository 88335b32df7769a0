#include "kubectl-tka/remote/errand.h"

#include <stdlib.h>

void errand_clear(struct errand *errand)
{
        server_clear(&errand->server);
        target_list_clear(&errand->selected);
        target_book_clear(&errand->book);
        kubeconfig_files_clear(&errand->files);
        free(errand->url);
        errand->url = NULL;
}

static bool find_url(struct errand *errand, struct error *err)
{
        if (!kubeconfig_files_read(errand->config->kubeconfig, &errand->files, err))
                return false;
        target_book_read(&errand->files, &errand->book);
        return target_book_find_server(&errand->book, errand->config, &errand->files,
                                       &errand->selected, &errand->url, err);
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
