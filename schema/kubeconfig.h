/* kubeconfig.h - the kubeconfig that the server hands out, in its two forms. */
#pragma once

#include <jansson.h>

#include "lib/secret.h"
#include "schema/cluster_info.h"

struct kubeconfig {
        const char *cluster_name, *context_name, *user_name;
        const struct cluster_info *cluster;
        const struct secret *token;
};
/* client-go's internal form, {"clusters": {"name": {...}}}: what existing TKA clients decode. */
json_t *kubeconfig_encode_map(const struct kubeconfig *kubeconfig);
/* The form of the file that kubectl reads, {"clusters": [{"name":, "cluster":}]}. */
json_t *kubeconfig_encode_list(const struct kubeconfig *kubeconfig);

/* An answer of either form in the form of the file; the caller owns *list. INVALID when it is no
 * kubeconfig. */
bool kubeconfig_decode(const char *body, size_t length, json_t **list,
                       struct error *err) must_check;
/* The token of the current context's user in such a list, borrowed; NULL: none, or an empty one. */
const char *kubeconfig_token(const json_t *list);
