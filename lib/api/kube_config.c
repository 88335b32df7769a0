#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "lib/api/kube_private.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/yaml.h"

#define MOUNTED_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

void kube_config_clear(struct kube_config *config)
{
        free(config->server);
        free(config->ca_file);
        free(config->ca_pem);
        free(config->token_file);
        secret_clear(&config->token);
        free(config->client_certificate_pem);
        free_wiped(config->client_key_pem);
        free(config->tls_server_name);
        free(config->namespace_name);
        *config = (struct kube_config){ 0 };
}

/* Hands *filled over to *config. */
static void hand_over(struct kube_config *filled, struct kube_config *config)
{
        kube_config_clear(config);
        *config = *filled;
        *filled = (struct kube_config){ 0 };
}

static bool read_text(const char *path, size_t limit, char **text, struct error *err)
{
        scoped(buf_clear) struct buf content = { .limit = limit };

        if (!file_read(path, &content, err))
                return false;
        if (memchr(buf_text(&content), '\0', content.length))
                return error_set(err, ERROR_INVALID, "%s is no text", path);
        *text = buf_take(&content);
        return true;
}

/* Without the white space around it. */
static char *trim(char *text)
{
        size_t length;

        text += strspn(text, " \t\r\n");
        length = strlen(text);
        while (length > 0 && strchr(" \t\r\n", text[length - 1]))
                length--;
        text[length] = '\0';
        return text;
}

static void wipe_text(char **text)
{
        free_wiped(*text);
}

bool kube_token_read(const char *path, struct secret *token, struct error *err)
{
        scoped(wipe_text) char *text = NULL;

        if (!read_text(path, LIMIT_TOKEN_FILE, &text, err))
                return false;
        const char *trimmed = trim(text);
        if (!*trimmed)
                return error_set(err, ERROR_INVALID, "%s is empty", path);
        secret_set(token, trimmed, strlen(trimmed));
        return true;
}

static bool check_port(const char *port, struct error *err)
{
        if (*port && strlen(port) <= 5 && strspn(port, "0123456789") == strlen(port))
                return true;
        return error_set(err, ERROR_INVALID, "KUBERNETES_SERVICE_PORT \"%s\" is no port", port);
}

bool kube_config_read_mounted(const char *folder, struct kube_config *config, struct error *err)
{
        scoped(kube_config_clear) struct kube_config filled = { 0 };
        const char *host = getenv("KUBERNETES_SERVICE_HOST");
        const char *port = getenv("KUBERNETES_SERVICE_PORT");
        scoped_free char *namespace_file = xasprintf("%s/namespace", folder);
        scoped_free char *namespace_name = NULL;
        struct error absent = { 0 };

        if (!host || !*host)
                return error_set(err, ERROR_INVALID, "KUBERNETES_SERVICE_HOST is not set");
        port = port && *port ? port : "443";
        if (!check_port(port, err))
                return false;
        filled.server =
                xasprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
        filled.token_file = xasprintf("%s/token", folder);
        filled.ca_file = xasprintf("%s/ca.crt", folder);
        if (!kube_token_read(filled.token_file, &filled.token, err) ||
            !read_text(filled.ca_file, LIMIT_CA_FILE, &filled.ca_pem, err))
                return error_wrap(err, "in the cluster");
        if (read_text(namespace_file, LIMIT_TOKEN_FILE, &namespace_name, &absent) &&
            *trim(namespace_name))
                filled.namespace_name = xstrdup(trim(namespace_name));
        hand_over(&filled, config);
        return true;
}

/* One kubeconfig while it is read. */
struct source {
        const char *path;
        const json_t *cluster, *user, *context;
};

/* Paths in a kubeconfig are meant from its own folder. */
static char *resolve_path(const struct source *source, const char *path)
{
        const char *slash = strrchr(source->path, '/');

        if (*path == '/' || !slash)
                return xstrdup(path);
        return xasprintf("%.*s/%s", (int)(slash - source->path), source->path, path);
}

static bool decode_base64(const char *text, char **decoded, struct error *err)
{
        scoped(buf_clear) struct buf digits = { 0 };
        int length, padding = 0;

        for (; *text; text++)
                if (!isspace((unsigned char)*text) && !buf_append(&digits, text, 1))
                        return error_set(err, ERROR_INVALID, "too long");
        for (size_t at = digits.length; at > 0 && digits.text[at - 1] == '=' && padding < 2; at--)
                padding++;
        char *bytes = xcalloc(1, digits.length / 4 * 3 + 4);
        length = EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)buf_text(&digits),
                                 (int)digits.length);
        if (length < 3 || memchr(bytes, '\0', (size_t)(length - padding))) {
                free_wiped(bytes);
                return error_set(err, ERROR_INVALID, "not base64 of a text");
        }
        bytes[length - padding] = '\0';
        *decoded = bytes;
        return true;
}

/* NULL and true when it is absent. */
static bool get_text(const json_t *section, const char *key, const char **text, struct error *err)
{
        const json_t *value = json_object_get(section, key);

        if (value && !json_is_null(value) && !json_is_string(value))
                return error_set(err, ERROR_INVALID, "\"%s\" has the wrong type", key);
        *text = json_string_value(value);
        if (*text && !**text)
                *text = NULL;
        return true;
}

static bool copy_text(const json_t *section, const char *key, char **copy, struct error *err)
{
        const char *text = NULL;

        if (!get_text(section, key, &text, err))
                return false;
        *copy = xstrdup(text);
        return true;
}

/* "KEY-data" in base64, else the file that KEY names (its path in *file if wanted). */
static bool get_pem(const struct source *source, const json_t *section, const char *key, char **pem,
                    char **file, struct error *err)
{
        scoped_free char *data_key = xasprintf("%s-data", key);
        const char *text = NULL, *path = NULL;

        if (!get_text(section, data_key, &text, err) || !get_text(section, key, &path, err))
                return false;
        if (text)
                return decode_base64(text, pem, err) || error_wrap(err, "\"%s\"", data_key);
        if (!path)
                return true;
        scoped_free char *resolved = resolve_path(source, path);
        if (!read_text(resolved, LIMIT_CA_FILE, pem, err))
                return error_wrap(err, "\"%s\"", key);
        if (file)
                *file = take(resolved);
        return true;
}

/* The entry of a list by its "name", and of it the part that matters. */
static bool find_named(const json_t *root, const char *list, const char *part, const char *name,
                       const json_t **found, struct error *err)
{
        const json_t *entry = json_find_named(json_object_get(root, list), name);

        if (!entry)
                return error_set(err, ERROR_INVALID, "there is no %s \"%s\"", part, name);
        *found = json_object_get(entry, part);
        return json_is_object(*found) ||
               error_set(err, ERROR_INVALID, "%s \"%s\" is empty", part, name);
}

/* A token goes in plain text to this machine alone. */
static bool check_server(const char *server, struct error *err)
{
        static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]" };

        if (strncmp(server, "https://", 8) == 0 && server[8])
                return true;
        if (strncmp(server, "http://", 7) != 0)
                return error_set(err, ERROR_INVALID, "server \"%s\" is no https URL", server);
        for (size_t i = 0; i < ARRAY_LENGTH(loopback); i++) {
                size_t length = strlen(loopback[i]);

                if (strncmp(server + 7, loopback[i], length) == 0 &&
                    (!server[7 + length] || strchr(":/", server[7 + length])))
                        return true;
        }
        return error_set(err, ERROR_INVALID, "server \"%s\" is not https", server);
}

static bool refuse_keys(const json_t *section, const char *const *keys, size_t count,
                        const char *why, struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                const json_t *value = json_object_get(section, keys[i]);

                if (value && !json_is_null(value))
                        return error_set(err, ERROR_INVALID, "\"%s\" %s", keys[i], why);
        }
        return true;
}

static bool read_cluster(const struct source *source, struct kube_config *config, struct error *err)
{
        static const char *const unknown[] = { "proxy-url" };
        const json_t *insecure = json_object_get(source->cluster, "insecure-skip-tls-verify");

        if (!refuse_keys(source->cluster, unknown, ARRAY_LENGTH(unknown), "is not supported", err))
                return false;
        if (insecure && !json_is_boolean(insecure))
                return error_set(err, ERROR_INVALID,
                                 "\"insecure-skip-tls-verify\" has the wrong type");
        config->insecure = json_is_true(insecure);
        if (!copy_text(source->cluster, "server", &config->server, err) ||
            !copy_text(source->cluster, "tls-server-name", &config->tls_server_name, err) ||
            !get_pem(source, source->cluster, "certificate-authority", &config->ca_pem,
                     &config->ca_file, err))
                return false;
        if (!config->server)
                return error_set(err, ERROR_INVALID, "\"server\" is missing");
        if (config->insecure && config->ca_pem)
                return error_set(err, ERROR_INVALID,
                                 "\"insecure-skip-tls-verify\" and a certificate authority "
                                 "contradict each other");
        for (size_t end = strlen(config->server); end > 0 && config->server[end - 1] == '/';)
                config->server[--end] = '\0';
        return check_server(config->server, err);
}

static bool read_token(const struct source *source, struct kube_config *config, struct error *err)
{
        const char *token = NULL, *file = NULL;

        if (!get_text(source->user, "token", &token, err) ||
            !get_text(source->user, "tokenFile", &file, err))
                return false;
        if (file) {
                config->token_file = resolve_path(source, file);
                return kube_token_read(config->token_file, &config->token, err) ||
                       error_wrap(err, "\"tokenFile\"");
        }
        if (token)
                secret_set(&config->token, token, strlen(token));
        return true;
}

static bool read_user(const struct source *source, struct kube_config *config, struct error *err)
{
        static const char *const unusable[] = {
                "exec", "auth-provider", "username", "password", "as", "as-uid", "as-groups",
        };

        if (!refuse_keys(source->user, unusable, ARRAY_LENGTH(unusable),
                         "cannot be used here: give a token or a client certificate", err) ||
            !read_token(source, config, err) ||
            !get_pem(source, source->user, "client-certificate", &config->client_certificate_pem,
                     NULL, err) ||
            !get_pem(source, source->user, "client-key", &config->client_key_pem, NULL, err))
                return false;
        if (!config->client_certificate_pem == !config->client_key_pem)
                return true;
        return error_set(err, ERROR_INVALID,
                         "a client certificate and its key must be given together");
}

static bool find_sections(const json_t *root, struct source *source, struct error *err)
{
        const char *context = NULL, *cluster = NULL, *user = NULL;

        if (!get_text(root, "current-context", &context, err))
                return false;
        if (!context)
                return error_set(err, ERROR_INVALID, "\"current-context\" is missing");
        if (!find_named(root, "contexts", "context", context, &source->context, err) ||
            !get_text(source->context, "cluster", &cluster, err) ||
            !get_text(source->context, "user", &user, err))
                return false;
        if (!cluster)
                return error_set(err, ERROR_INVALID, "context \"%s\" names no cluster", context);
        return find_named(root, "clusters", "cluster", cluster, &source->cluster, err) &&
               (!user || find_named(root, "users", "user", user, &source->user, err));
}

static bool read_kubeconfig(const char *path, struct kube_config *config, struct error *err)
{
        scoped(kube_config_clear) struct kube_config filled = { 0 };
        scoped(buf_clear) struct buf content = { .limit = LIMIT_KUBECONFIG };
        json_auto_t *root = NULL;
        struct source source = { .path = path };

        if (!file_read(path, &content, err))
                return false;
        if (yaml_parse(buf_text(&content), content.length, &root, err) &&
            find_sections(root, &source, err) && read_cluster(&source, &filled, err) &&
            read_user(&source, &filled, err) &&
            copy_text(source.context, "namespace", &filled.namespace_name, err)) {
                hand_over(&filled, config);
                return true;
        }
        err->kind = ERROR_INVALID; /* also where a file that it names is missing */
        return error_wrap(err, "kubeconfig %s", path);
}

/* The first file of $KUBECONFIG, else ~/.kube/config. */
static char *find_kubeconfig(void)
{
        const char *list = getenv("KUBECONFIG");
        const char *home = getenv("HOME");

        if (list) {
                list += strspn(list, ":");
                if (*list)
                        return xstrndup(list, strcspn(list, ":"));
        }
        return xasprintf("%s/.kube/config", home ? home : "");
}

bool kube_config_read(const char *path, struct kube_config *config, struct error *err)
{
        const char *host = getenv("KUBERNETES_SERVICE_HOST");

        if (path)
                return read_kubeconfig(path, config, err);
        if (host && *host)
                return kube_config_read_mounted(MOUNTED_FOLDER, config, err);
        scoped_free char *found = find_kubeconfig();
        return read_kubeconfig(found, config, err);
}
