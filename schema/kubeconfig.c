#include "schema/kubeconfig.h"

static void set_text(json_t *object, const char *key, const char *text)
{
        if (text)
                json_object_set_new(object, key, json_text(text));
}

static json_t *cluster_of(const struct kubeconfig *kubeconfig)
{
        const struct cluster_info *info = kubeconfig->cluster;
        json_t *cluster = json_object();

        set_text(cluster, "server", info->server_url);
        set_text(cluster, "tls-server-name", info->tls_server_name);
        /* kubectl refuses a cluster that has both. */
        if (info->insecure_skip_tls_verify)
                json_object_set_new(cluster, "insecure-skip-tls-verify", json_true());
        else
                set_text(cluster, "certificate-authority-data", info->ca_data);
        return cluster;
}

static json_t *user_of(const struct kubeconfig *kubeconfig)
{
        json_t *user = json_object();

        set_text(user, "token", secret_text(kubeconfig->token));
        return user;
}

static json_t *context_of(const struct kubeconfig *kubeconfig)
{
        json_t *context = json_object();

        set_text(context, "cluster", kubeconfig->cluster_name);
        set_text(context, "user", kubeconfig->user_name);
        return context;
}

/* {"name": {...}} */
static json_t *as_map(const char *key, const char *name, json_t *value)
{
        json_t *map = json_object();

        (void)key;
        json_object_set_new(map, name, value);
        return map;
}

/* [{"name": "name", "cluster": {...}}] */
static json_t *as_list(const char *key, const char *name, json_t *value)
{
        json_t *list = json_array();
        json_t *item = json_object();

        set_text(item, "name", name);
        json_object_set_new(item, key, value);
        json_array_append_new(list, item);
        return list;
}

static json_t *encode(const struct kubeconfig *kubeconfig,
                      json_t *(*wrap)(const char *key, const char *name, json_t *value))
{
        json_t *object = json_object();

        set_text(object, "kind", "Config");
        set_text(object, "apiVersion", "v1");
        json_object_set_new(object, "clusters",
                            wrap("cluster", kubeconfig->cluster_name, cluster_of(kubeconfig)));
        json_object_set_new(object, "users",
                            wrap("user", kubeconfig->user_name, user_of(kubeconfig)));
        json_object_set_new(object, "contexts",
                            wrap("context", kubeconfig->context_name, context_of(kubeconfig)));
        set_text(object, "current-context", kubeconfig->context_name);
        return object;
}

json_t *kubeconfig_encode_map(const struct kubeconfig *kubeconfig)
{
        return encode(kubeconfig, as_map);
}

json_t *kubeconfig_encode_list(const struct kubeconfig *kubeconfig)
{
        return encode(kubeconfig, as_list);
}
