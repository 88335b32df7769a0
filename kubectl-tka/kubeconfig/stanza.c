#include "kubectl-tka/kubeconfig/stanza.h"

#include <string.h>

#include "lib/api/tailscale.h"
#include "lib/memory.h"
#include "schema/exec_credential.h"

#define INSTALL_HINT \
        "kubectl-tka signs you in to this cluster with your tailnet identity: put kubectl-tka " \
        "and kubectl-tka-remote into a folder of your PATH"

static json_t *make_mark(const struct cache_key *key)
{
        json_t *mark = json_object();

        json_set_text(mark, "server", key->server);
        json_set_text(mark, "cluster", key->cluster);
        json_set_text(mark, "role", key->role);
        json_set_text(mark, "ca-hash", key->ca_hash);
        return mark;
}

/* {"name": NAME, kind: {fields, extensions: [our mark]}} */
static json_t *make_item(const struct stanza *stanza, const char *kind, json_t *fields)
{
        json_t *item = json_object();
        json_t *extension = json_object();
        json_t *extensions = json_array();

        json_set_text(extension, "name", STANZA_EXTENSION);
        json_object_set_new(extension, "extension", make_mark(&stanza->key));
        json_array_append_new(extensions, extension);
        json_object_set_new(fields, "extensions", extensions);
        json_object_set_new(item, kind, fields);
        json_set_text(item, "name", stanza->name);
        return item;
}

/* kubectl refuses a CA beside insecure-skip-tls-verify. */
json_t *stanza_cluster(const struct stanza *stanza)
{
        const struct cluster_info *cluster = stanza->cluster;
        json_t *fields = json_object();

        if (cluster->insecure_skip_tls_verify)
                json_object_set_new(fields, "insecure-skip-tls-verify", json_true());
        else if (cluster->ca_data && cluster->ca_data[0])
                json_set_text(fields, "certificate-authority-data", cluster->ca_data);
        json_set_text(fields, "server", cluster->server_url);
        if (cluster->tls_server_name && cluster->tls_server_name[0])
                json_set_text(fields, "tls-server-name", cluster->tls_server_name);
        return make_item(stanza, "cluster", fields);
}

static void add_words(json_t *args, const char *flag, const char *value)
{
        json_array_append_new(args, json_string(flag));
        json_array_append_new(args, json_string(value));
}

static void add_flag(json_t *args, const char *flag, const char *value)
{
        if (value && value[0])
                add_words(args, flag, value);
}

/* No tags at all are written as such: left out, they would be the default ones. */
static void add_tags(json_t *args, const struct text_list *tags)
{
        scoped(buf_clear) struct buf joined = { 0 };

        text_list_print(tags, &joined);
        if (strcmp(buf_text(&joined), CONFIG_SERVER_TAGS) != 0)
                add_words(args, "--server-tags", buf_text(&joined));
}

/* Everything stands in the arguments: a token from the cache needs no other file. */
static json_t *make_args(const struct stanza *stanza)
{
        const struct config *config = stanza->config;
        json_t *args = json_array();

        json_array_append_new(args, json_string("credential"));
        add_flag(args, "--server", stanza->key.server);
        add_flag(args, "--ca-hash", stanza->key.ca_hash);
        add_flag(args, "--cluster", stanza->key.cluster);
        add_flag(args, "--role", stanza->key.role);
        add_flag(args, "--cache", config->cache);
        add_flag(args, "--config", config->config_file);
        if (strcmp(config->socket, TAILSCALE_SOCKET) != 0)
                add_flag(args, "--tailscale-socket", config->socket);
        add_tags(args, &config->server_tags);
        add_flag(args, "--node-id", config->node_id);
        if (config->insecure_plain_http)
                json_array_append_new(args, json_string("--insecure-plain-http"));
        return args;
}

/* An old kubectl speaks v1beta1 alone. */
static const char *find_api_version(const struct config *config)
{
        return config->exec_api && strcmp(config->exec_api, "v1beta1") == 0
                       ? EXEC_CREDENTIAL_V1BETA1
                       : EXEC_CREDENTIAL_V1;
}

json_t *stanza_user(const struct stanza *stanza)
{
        json_t *fields = json_object();
        json_t *exec = json_object();

        json_set_text(exec, "apiVersion", find_api_version(stanza->config));
        json_set_text(exec, "command", stanza->command ? stanza->command : "kubectl-tka");
        json_object_set_new(exec, "args", make_args(stanza));
        json_object_set_new(exec, "env", json_null());
        json_set_text(exec, "installHint", INSTALL_HINT);
        json_set_text(exec, "interactiveMode", "Never");
        json_object_set_new(exec, "provideClusterInfo", json_false());
        json_object_set_new(fields, "exec", exec);
        return make_item(stanza, "user", fields);
}

json_t *stanza_context(const struct stanza *stanza)
{
        json_t *fields = json_object();

        json_set_text(fields, "cluster", stanza->name);
        json_set_text(fields, "user", stanza->name);
        return make_item(stanza, "context", fields);
}

static void set_list(json_t *document, const char *list, json_t *item)
{
        json_t *items = json_array();

        json_array_append_new(items, item);
        json_object_set_new(document, list, items);
}

json_t *stanza_kubeconfig(const struct stanza *stanza)
{
        json_t *document = json_object();

        json_set_text(document, "apiVersion", "v1");
        json_set_text(document, "kind", "Config");
        set_list(document, "clusters", stanza_cluster(stanza));
        set_list(document, "contexts", stanza_context(stanza));
        set_list(document, "users", stanza_user(stanza));
        json_set_text(document, "current-context", stanza->name);
        return document;
}

static const char *const kinds[] = { "cluster", "user", "context" };

static bool is_our_extension(const json_t *extension)
{
        const char *name = json_text_at(extension, "name");

        return name && strcmp(name, STANZA_EXTENSION) == 0;
}

static const json_t *find_mark(const json_t *fields)
{
        const json_t *extensions = json_object_get(fields, "extensions");
        size_t index = 0;
        const json_t *extension = NULL;

        json_array_foreach(extensions, index, extension)
        {
                if (is_our_extension(extension))
                        return json_object_get(extension, "extension");
        }
        return NULL;
}

bool stanza_read_mark(const json_t *item, struct cache_key *key)
{
        const json_t *mark = NULL;

        for (size_t i = 0; i < ARRAY_LENGTH(kinds) && !mark; i++)
                mark = find_mark(json_object_get(item, kinds[i]));

        struct cache_key found = { .server = json_text_at(mark, "server"),
                                   .ca_hash = json_string_value(json_object_get(mark, "ca-hash")),
                                   .cluster = json_text_at(mark, "cluster"),
                                   .role = json_text_at(mark, "role") };
        if (!found.server || !found.ca_hash || !found.cluster || !found.role)
                return false;
        *key = found;
        return true;
}

static void keep_fields(json_t *fields, const json_t *old)
{
        static const char *const kept[] = { "namespace", "proxy-url", "disable-compression" };
        json_t *extensions = json_object_get(fields, "extensions");
        size_t index = 0;
        const json_t *extension = NULL;

        for (size_t i = 0; i < ARRAY_LENGTH(kept); i++)
                if (json_object_get(old, kept[i]))
                        json_object_set_new(fields, kept[i],
                                            json_deep_copy(json_object_get(old, kept[i])));
        json_array_foreach(json_object_get(old, "extensions"), index, extension)
        {
                if (!is_our_extension(extension))
                        json_array_append_new(extensions, json_deep_copy(extension));
        }
}

void stanza_keep(json_t *item, const json_t *old)
{
        for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
                json_t *fields = json_object_get(item, kinds[i]);
                if (fields)
                        keep_fields(fields, json_object_get(old, kinds[i]));
        }
}
