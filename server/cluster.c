#include "server/cluster.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/api/kube.h"
#include "lib/api/kube_watch.h"
#include "lib/log.h"
#include "lib/memory.h"
#include "lib/yaml.h"
#include "schema/limits.h"

struct cluster {
        const struct cluster_info *configured;
        const struct cluster_reference *reference;
        struct cluster_info read; /* of the ConfigMap; server_url NULL: none yet */
        struct kube_watch *watch; /* NULL: nothing to follow */
        char *path, *object_path, *selector;
        char trouble[512]; /* why there is none, or no newer one */
};

bool cluster_check_endpoint(const char *url, struct error *err)
{
        static const char scheme[] = "https://";
        const char *host = url + sizeof(scheme) - 1;

        if (strncmp(url, scheme, sizeof(scheme) - 1) == 0 && strcspn(host, "/:") > 0 &&
            strlen(url) <= LIMIT_SERVER_URL && strpbrk(url, " \t\r\n\"\\@?#") == NULL)
                return true;
        return error_set(err, ERROR_INVALID, "\"%.200s\" is not like https://HOST:PORT", url);
}

static void free_bio(BIO **bio)
{
        BIO_free(*bio);
}

static bool holds_certificate(const unsigned char *pem, int length)
{
        scoped(free_bio) BIO *bio = BIO_new_mem_buf(pem, length);
        X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
        bool found = certificate != NULL;

        X509_free(certificate);
        ERR_clear_error();
        return found;
}

bool cluster_check_ca(const char *base64, struct error *err)
{
        size_t length = strlen(base64);

        if (length > LIMIT_CA_DATA)
                return error_set(err, ERROR_INVALID, "it is longer than %d bytes", LIMIT_CA_DATA);

        scoped_free unsigned char *pem = xmalloc(length + 1);
        int decoded = length % 4 != 0
                              ? -1
                              : EVP_DecodeBlock(pem, (const unsigned char *)base64, (int)length);
        if (decoded < 0)
                return error_set(err, ERROR_INVALID, "it is no base64");
        return holds_certificate(pem, decoded) ||
               error_set(err, ERROR_INVALID, "it is base64, but not of a PEM certificate");
}

static void set_text(char **member, const char *text)
{
        free(*member);
        *member = text == NULL || *text == '\0' ? NULL : xstrdup(text);
}

static bool check_name(const char *name, struct error *err)
{
        return name == NULL || strlen(name) <= LIMIT_NODE ||
               error_set(err, ERROR_INVALID, "its tls-server-name is longer than %d bytes",
                         LIMIT_NODE);
}

/* Checked, and without what kubectl refuses: a CA that nobody looks at. */
static bool finish(struct cluster_info *read, struct cluster_info *info, struct error *err)
{
        if (!cluster_check_endpoint(read->server_url, err) ||
            !check_name(read->tls_server_name, err))
                return error_wrap(err, "the API server");
        if (read->insecure_skip_tls_verify)
                set_text(&read->ca_data, NULL);
        if (read->ca_data != NULL && !cluster_check_ca(read->ca_data, err))
                return error_wrap(err, "the CA");
        set_text(&info->server_url, read->server_url);
        set_text(&info->ca_data, read->ca_data);
        set_text(&info->tls_server_name, read->tls_server_name);
        info->insecure_skip_tls_verify = read->insecure_skip_tls_verify;
        return true;
}

static bool is_yes(const char *text)
{
        return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "TRUE") == 0 ||
                                strcmp(text, "True") == 0 || strcmp(text, "1") == 0);
}

/* The "cluster" of the entry of that name; name NULL: of the only one. */
static const json_t *find_cluster(const json_t *kubeconfig, const char *name)
{
        const json_t *clusters = json_at(kubeconfig, "clusters");

        if (name == NULL)
                return json_array_size(clusters) == 1
                               ? json_at(json_array_get(clusters, 0), "cluster")
                               : NULL;
        return json_at(json_find_named(clusters, name), "cluster");
}

/* The cluster that the current context names, or NULL where there is no such context. */
static const char *find_current(const json_t *kubeconfig)
{
        const char *current = json_text_at(kubeconfig, "current-context");

        if (current == NULL)
                return NULL;
        return json_text_at(json_find_named(json_at(kubeconfig, "contexts"), current),
                            "context.cluster");
}

static bool read_kubeconfig(const char *text, struct cluster_info *info, struct error *err)
{
        scoped(cluster_info_clear) struct cluster_info read = { 0 };
        json_auto_t *kubeconfig = NULL;

        if (!yaml_parse(text, strlen(text), &kubeconfig, err))
                return error_wrap(err, "the kubeconfig");
        const json_t *cluster = find_cluster(kubeconfig, find_current(kubeconfig));
        if (json_text_at(cluster, "server") == NULL)
                return error_set(err, ERROR_INVALID,
                                 "the kubeconfig must hold one cluster with a server, or a current "
                                 "context that names one");
        read.server_url = xstrdup(json_text_at(cluster, "server"));
        read.ca_data = xstrdup(json_text_at(cluster, "certificate-authority-data"));
        read.tls_server_name = xstrdup(json_text_at(cluster, "tls-server-name"));
        read.insecure_skip_tls_verify = json_bool_at(cluster, "insecure-skip-tls-verify", false);
        return finish(&read, info, err);
}

static const char *value_of(const json_t *configmap, const char *key)
{
        return json_string_value(json_object_get(json_at(configmap, "data"), key));
}

bool cluster_read(const json_t *configmap, const struct cluster_reference *reference,
                  struct cluster_info *info, struct error *err)
{
        const char *endpoint = value_of(configmap, reference->key_endpoint);
        const char *kubeconfig = value_of(configmap, reference->key_kubeconfig);
        scoped(cluster_info_clear) struct cluster_info read = { 0 };

        if (endpoint == NULL && kubeconfig == NULL)
                return error_set(err, ERROR_INVALID, "neither \"%s\" nor \"%s\" is there",
                                 reference->key_endpoint, reference->key_kubeconfig);
        if (endpoint == NULL)
                return read_kubeconfig(kubeconfig, info, err);
        read.server_url = xstrdup(endpoint);
        set_text(&read.ca_data, value_of(configmap, reference->key_ca));
        read.insecure_skip_tls_verify = is_yes(value_of(configmap, reference->key_insecure));
        return finish(&read, info, err);
}

static void note_trouble(struct cluster *cluster, const char *text)
{
        const struct cluster_reference *reference = cluster->reference;
        scoped_free char *trouble = xasprintf("the ConfigMap %s/%s: %s", reference->namespace_name,
                                              reference->name, text);

        if (strncmp(trouble, cluster->trouble, sizeof(cluster->trouble) - 1) == 0)
                return;
        snprintf(cluster->trouble, sizeof(cluster->trouble), "%s", trouble);
        log_event(LOG_LEVEL_WARN, "where the cluster is, keeping what was known", "error",
                  cluster->trouble, NULL);
}

static void on_changed(void *owner, const json_t *object)
{
        struct cluster *cluster = owner;
        struct error err = { 0 };

        if (!cluster_read(object, cluster->reference, &cluster->read, &err)) {
                note_trouble(cluster, err.text);
                return;
        }
        cluster->trouble[0] = '\0';
        log_event(LOG_LEVEL_INFO, "where the cluster is", "server_url", cluster->read.server_url,
                  NULL);
}

static void on_deleted(void *owner, const char *namespace_name, const char *name, const char *uid)
{
        (void)namespace_name;
        (void)name;
        (void)uid;
        note_trouble(owner, "is gone");
}

static void on_synced(void *owner)
{
        struct cluster *cluster = owner;

        if (cluster->read.server_url == NULL && cluster->trouble[0] == '\0')
                note_trouble(cluster, "does not exist");
}

static void on_failed(void *owner, const struct error *err)
{
        struct cluster *cluster = owner;

        if (cluster->read.server_url == NULL)
                note_trouble(cluster, err->text);
}

static void follow(struct cluster *cluster, struct loop *loop, struct kube *kube)
{
        static const struct kube_resource configmaps = { "", "v1", "configmaps" };
        const struct cluster_reference *reference = cluster->reference;

        cluster->path = kube_path(&configmaps, reference->namespace_name, NULL, NULL);
        cluster->object_path =
                kube_path(&configmaps, reference->namespace_name, reference->name, NULL);
        cluster->selector = xasprintf("metadata.name=%s", reference->name);
        const struct kube_watch_options options = { .path = cluster->path,
                                                    .field_selector = cluster->selector,
                                                    .object_path = cluster->object_path,
                                                    .owner = cluster,
                                                    .changed = on_changed,
                                                    .deleted = on_deleted,
                                                    .synced = on_synced,
                                                    .failed = on_failed };

        cluster->watch = kube_watch_start(loop, kube, &options);
}

struct cluster *cluster_new(struct loop *loop, struct kube *kube,
                            const struct cluster_info *configured,
                            const struct cluster_reference *reference)
{
        struct cluster *cluster = xcalloc(1, sizeof(*cluster));

        cluster->configured = configured;
        cluster->reference = reference;
        if (!reference->enabled)
                return cluster;
        cluster->read.name = xstrdup(configured->name);
        cluster->read.labels = json_incref(configured->labels);
        follow(cluster, loop, kube);
        return cluster;
}

void cluster_free(struct cluster *cluster)
{
        if (cluster == NULL)
                return;
        if (cluster->watch != NULL)
                kube_watch_stop(cluster->watch);
        cluster_info_clear(&cluster->read);
        free(cluster->path);
        free(cluster->object_path);
        free(cluster->selector);
        free(cluster);
}

const struct cluster_info *cluster_info_now(const struct cluster *cluster, struct error *err)
{
        if (cluster->watch == NULL)
                return cluster->configured;
        if (cluster->read.server_url != NULL)
                return &cluster->read;
        error_set(err, ERROR_UNAVAILABLE, "where the cluster is, is not known yet%s%s",
                  cluster->trouble[0] == '\0' ? "" : ": ", cluster->trouble);
        return NULL;
}
