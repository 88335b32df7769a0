/* errand.h - one question to one server: which is meant, and the connection to it. */
#pragma once

#include "kubectl-tka/remote/server.h"
#include "kubectl-tka/remote/target_book.h"

struct errand {
        const struct config *config;
        struct kubeconfig_files files;
        struct target_book book;
        struct target_list selected; /* contexts of ours that are meant, if any */
        struct server server;
        char *url;
};
void errand_clear(struct errand *errand);

/* The server that the operand, --server, the current context or the settings mean; it is
 * authenticated, nothing is sent yet. */
bool errand_begin(const struct config *config, int64_t timeout_ms, struct errand *errand,
                  struct error *err) must_check;
/* The cluster's name where it is known, else the URL; borrowed. */
const char *errand_name(const struct errand *errand);
