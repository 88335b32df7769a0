/* cluster_info.h - where the cluster's API server is: GET /api/v1alpha1/cluster-info. */
#pragma once

#include <jansson.h>

#include "lib/json.h"

struct cluster_info {
        char *name;
        char *server_url;
        bool insecure_skip_tls_verify;
        char *ca_data;         /* base64 of PEM, or NULL */
        char *tls_server_name; /* or NULL */
        json_t *labels;        /* object of texts, or NULL */
};
void cluster_info_clear(struct cluster_info *info);
bool cluster_info_decode(const char *body, size_t length, struct cluster_info *info,
                         struct error *err) must_check;
/* server_url, insecure_skip_tls_verify, ca_data, labels are always present, as in the public TKA.
 */
json_t *cluster_info_encode(const struct cluster_info *info);

/* Its table, for the test of the documents. */
size_t cluster_info_fields(const struct json_field **table);
