#include "server/config.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "lib/limits.h"
#include "lib/memory.h"
#include "schema/capability.h"
#include "schema/settings.h"

#define TLS_PORT 443

static bool is_wildcard(const char *address)
{
        return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static bool check_capabilities(const struct config *config, struct error *err)
{
        if (config->capabilities.count == 0)
                return error_set(err, ERROR_INVALID, "tailscale.capName: at least one is needed");
        for (size_t i = 0; i < config->capabilities.count; i++) {
                const char *name = config->capabilities.items[i];

                if (name[0] == '\0' || strlen(name) > 253 || strpbrk(name, " \t\r\n,") != NULL ||
                    strstr(name, "://") != NULL)
                        return error_set(err, ERROR_INVALID,
                                         "tailscale.capName: \"%s\" is no capability, which reads "
                                         "like " CAPABILITY_NAME,
                                         name);
        }
        return true;
}

static bool check_endpoint(const char *url, struct error *err)
{
        static const char scheme[] = "https://";

        if (url == NULL)
                return error_set(err, ERROR_INVALID, "clusterInfo.apiEndpoint is required");

        const char *host = url + sizeof(scheme) - 1;
        if (strncmp(url, scheme, sizeof(scheme) - 1) != 0 || strcspn(host, "/:") == 0 ||
            strlen(url) > 2048 || strpbrk(url, " \t\r\n\"\\@?#") != NULL)
                return error_set(err, ERROR_INVALID,
                                 "clusterInfo.apiEndpoint: \"%s\" is not like https://HOST:PORT",
                                 url);
        return true;
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

static bool check_ca(const char *base64, struct error *err)
{
        size_t length = strlen(base64);

        if (length > LIMIT_CA_FILE)
                return error_set(err, ERROR_INVALID, "clusterInfo.caData is longer than %d bytes",
                                 LIMIT_CA_FILE);

        scoped_free unsigned char *pem = xmalloc(length + 1);
        int decoded = length % 4 != 0
                              ? -1
                              : EVP_DecodeBlock(pem, (const unsigned char *)base64, (int)length);
        if (decoded < 0)
                return error_set(err, ERROR_INVALID, "clusterInfo.caData is no base64");
        if (!holds_certificate(pem, decoded))
                return error_set(err, ERROR_INVALID,
                                 "clusterInfo.caData is base64, but not of a PEM certificate");
        return true;
}

static bool check_cluster(struct config *config, struct error *err)
{
        struct cluster_info *cluster = &config->cluster;

        if (!check_endpoint(cluster->server_url, err))
                return false;
        if (cluster->ca_data != NULL && !check_ca(cluster->ca_data, err))
                return false;
        if (cluster->insecure_skip_tls_verify)
                free(take(cluster->ca_data)); /* kubectl refuses a file that says both */
        if (cluster->name == NULL)
                cluster->name = xstrdup(config->cluster_name);
        return true;
}

static bool check_health(const struct config *config, struct error *err)
{
        const char *address = config->daemon.health_address;

        if (is_wildcard(address))
                return error_set(err, ERROR_INVALID,
                                 "health.address: \"%s\" would listen everywhere: name one address",
                                 address);
        return config->mode != MODE_USERSPACE || config_allows_userspace(config, err);
}

bool config_allows_userspace(const struct config *config, struct error *err)
{
        if (strcmp(config->daemon.health_address, "127.0.0.1") != 0 &&
            strcmp(config->daemon.health_address, "::1") != 0)
                return true;
        return error_set(err, ERROR_INVALID,
                         "health.address: in userspace mode the whole tailnet reaches \"%s\": take "
                         "127.0.0.2 or the pod's address",
                         config->daemon.health_address);
}

static enum tls choose_tls(const struct config *config)
{
        if (strcmp(config->tls_text, "auto") != 0)
                return strcmp(config->tls_text, "files") == 0       ? TLS_FILES
                       : strcmp(config->tls_text, "tailscale") == 0 ? TLS_TAILSCALE
                                                                    : TLS_OFF;
        if (config->tls_cert_file != NULL)
                return TLS_FILES;
        return config->port == TLS_PORT ? TLS_TAILSCALE : TLS_OFF;
}

static bool check_tls(struct config *config, struct error *err)
{
        bool cert = config->tls_cert_file != NULL;
        bool key = config->tls_key_file != NULL;

        config->tls = choose_tls(config);
        if (cert != key)
                return error_set(err, ERROR_INVALID,
                                 "server.tls.%s is missing: certFile and keyFile go together",
                                 cert ? "keyFile" : "certFile");
        if (config->tls == TLS_FILES && !cert)
                return error_set(err, ERROR_INVALID,
                                 "server.tls.source: files needs server.tls.certFile and keyFile");
        if (config->tls == TLS_OFF && config->port == TLS_PORT)
                return error_set(err, ERROR_INVALID,
                                 "server.tls.source: off does not go with tailscale.port 443, "
                                 "which means TLS");
        return true;
}

static void read_mode(struct config *config)
{
        static const char *const modes[] = { "auto", "userspace", "tun" };

        for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
                if (strcmp(config->mode_text, modes[i]) == 0)
                        config->mode = (enum mode)i;
}

bool config_check(void *owner, struct error *err)
{
        struct config *config = owner;

        read_mode(config);
        return settings_check(&config->settings, err) && check_capabilities(config, err) &&
               check_tls(config, err) && check_cluster(config, err) && check_health(config, err);
}
