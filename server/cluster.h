/* cluster.h - where the cluster's API server is, for clients: as configured, or as a ConfigMap
 * says, followed while it changes. */
#pragma once

#include "lib/json.h"
#include "schema/cluster_info.h"

struct cluster;
struct kube;
struct loop;

/* clusterInfo.configMapRef. */
struct cluster_reference {
        bool enabled;
        char *name, *namespace_name;
        char *key_endpoint, *key_ca, *key_insecure, *key_kubeconfig;
};

/* Checks for the table of options, and of what a ConfigMap says. */
bool cluster_check_endpoint(const char *url, struct error *err) must_check;
bool cluster_check_ca(const char *base64, struct error *err) must_check;
/* A ConfigMap's data into *info, which has the configured name and labels already: apiEndpoint,
 * caData and insecure, else the cluster of a kubeconfig (as kubeadm's kube-public/cluster-info has
 * it). On failure *info is as it was. */
bool cluster_read(const json_t *configmap, const struct cluster_reference *reference,
                  struct cluster_info *info, struct error *err) must_check;

/* configured is borrowed; reference not enabled: it is all there is. */
struct cluster *cluster_new(struct loop *loop, struct kube *kube,
                            const struct cluster_info *configured,
                            const struct cluster_reference *reference);
void cluster_free(struct cluster *cluster);
/* As it is now, borrowed until the next wait; NULL: UNAVAILABLE, with the reason. */
const struct cluster_info *cluster_info_now(const struct cluster *cluster,
                                            struct error *err) must_check;
