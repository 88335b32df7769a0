#include "server/config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "schema/capability.h"
#include "schema/settings.h"

#define TLS_PORT 443

static bool is_wildcard(const char *address)
{
        return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

bool config_check_capability(const char *text, struct error *err)
{
        if (text[0] != '\0' && strlen(text) <= 253 && strpbrk(text, " \t\r\n,") == NULL &&
            strstr(text, "://") == NULL)
                return true;
        return error_set(err, ERROR_INVALID,
                         "\"%.200s\" is no capability, which reads like " CAPABILITY_NAME, text);
}

bool config_check_collector(const char *text, struct error *err)
{
        const char *host = strstr(text, "://");
        size_t scheme = host == NULL ? 0 : (size_t)(host - text);

        host = host == NULL ? text : host + 3;
        if ((scheme == 0 || (scheme == 4 && strncmp(text, "http", 4) == 0) ||
             (scheme == 5 && strncmp(text, "https", 5) == 0)) &&
            strcspn(host, "/:") > 0 && strlen(text) <= 2048 &&
            strpbrk(text, " \t\r\n\"\\@?#") == NULL)
                return true;
        return error_set(err, ERROR_INVALID,
                         "\"%.200s\" is not like http://HOST:PORT, https://HOST:PORT or HOST:PORT",
                         text);
}

bool config_check_capabilities(void *owner, struct error *err)
{
        const struct config *config = owner;

        return config->capabilities.count > 0 ||
               error_set(err, ERROR_INVALID, "tailscale.capName: at least one is needed");
}

bool config_check_cluster(void *owner, struct error *err)
{
        struct config *config = owner;
        struct cluster_info *cluster = &config->cluster;
        bool named = cluster->server_url != NULL;

        if (named && config->cluster_reference.enabled)
                return error_set(err, ERROR_INVALID,
                                 "clusterInfo.apiEndpoint and clusterInfo.configMapRef.enabled do "
                                 "not go together");
        if (!named && !config->cluster_reference.enabled)
                return error_set(err, ERROR_INVALID,
                                 "clusterInfo.apiEndpoint is required, or "
                                 "clusterInfo.configMapRef.enabled");
        if (cluster->insecure_skip_tls_verify)
                free(take(cluster->ca_data)); /* kubectl refuses a file that says both */
        if (cluster->name == NULL)
                cluster->name = xstrdup(config->cluster_name);
        return true;
}

bool config_check_health(void *owner, struct error *err)
{
        const struct config *config = owner;
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

bool config_check_certificate(void *owner, struct error *err)
{
        const struct config *config = owner;
        bool cert = config->tls_cert_file != NULL;
        bool key = config->tls_key_file != NULL;

        return cert == key ||
               error_set(err, ERROR_INVALID,
                         "server.tls.%s is missing: certFile and keyFile go together",
                         cert ? "keyFile" : "certFile");
}

bool config_check_tls(void *owner, struct error *err)
{
        struct config *config = owner;

        config->tls = choose_tls(config);
        if (config->tls == TLS_FILES && config->tls_cert_file == NULL)
                return error_set(err, ERROR_INVALID,
                                 "server.tls.source: files needs server.tls.certFile and keyFile");
        if (config->tls == TLS_OFF && config->port == TLS_PORT)
                return error_set(err, ERROR_INVALID,
                                 "server.tls.source: off does not go with tailscale.port 443, "
                                 "which means TLS");
        return true;
}

bool config_read_mode(void *owner, struct error *err)
{
        static const char *const modes[] = { "auto", "userspace", "tun" };
        struct config *config = owner;

        for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
                if (strcmp(config->mode_text, modes[i]) == 0) {
                        config->mode = (enum mode)i;
                        return true;
                }
        return error_set(err, ERROR_INVALID, "tailscale.mode: \"%s\" is none", config->mode_text);
}
