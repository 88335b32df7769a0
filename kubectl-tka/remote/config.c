#include "kubectl-tka/remote/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/cache.h"
#include "kubectl-tka/directory.h"
#include "lib/memory.h"
#include "lib/options.h"
#include "lib/tailscale.h"

#define ROWS_MAX 64
#define DEFAULT_HOSTNAME "tka"
#define DEFAULT_PORT 443
#define DEFAULT_PORT_TEXT "443"
#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct option_row common[] = {
        { NULL, "config", 'c', "TKA_CONFIG", OPTION_TEXT, AT(config_file), NULL, 0, 0, NULL,
          "FILE", "config file (default ~/.config/tka/config.yaml, /etc/tka/config.yaml)" },
        { NULL, "server", 's', "TKA_SERVER", OPTION_TEXT, AT(server), NULL, 0, 0, NULL,
          "URL", "the TKA server: a URL, or a host of the tailnet" },
        { "tailscale.hostname", NULL, 0, NULL, OPTION_TEXT, AT(hostname), DEFAULT_HOSTNAME, 0, 0, NULL,
          "HOST", "the TKA server where none is named" },
        { "tailscale.tailnet", NULL, 0, NULL, OPTION_TEXT, AT(tailnet), NULL, 0, 0, NULL,
          "DOMAIN", "what follows the host's name" },
        { "tailscale.port", "port", 'p', NULL, OPTION_INTEGER, AT(port), DEFAULT_PORT_TEXT, 1, 65535, NULL,
          "PORT", "its port; 443 means https" },
        { "tailscale.socket", "tailscale-socket", 0, NULL, OPTION_TEXT, AT(socket),
          TAILSCALE_SOCKET, 0, 0, NULL, "PATH", "the local tailscaled's socket" },
        { "tailscale.serverTags", "server-tags", 0, NULL, OPTION_TEXT_LIST, AT(server_tags),
          CONFIG_SERVER_TAGS, 0, 0, NULL, "TAGS", "tags by which a TKA server is known" },
        { "tailscale.serverNodeId", "node-id", 0, NULL, OPTION_TEXT, AT(node_id), NULL, 0, 0, NULL,
          "ID", "the one node that is trusted without such a tag" },
        { NULL, "insecure-plain-http", 0, "", OPTION_BOOL, AT(insecure_plain_http), NULL, 0, 0,
          NULL, NULL, "ask over plain HTTP without knowing who answers" },
        { "cache", "cache", 0, NULL, OPTION_TEXT, AT(cache), "auto", 0, 0, CACHE_MODES,
          "WHERE", "where tokens are kept" },
        { "output.quiet", "quiet", 'q', NULL, OPTION_BOOL, AT(quiet), NULL, 0, 0, NULL,
          NULL, "print errors alone" },
        { "output.theme", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "output.long", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "output.markdownlint-fix", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL,
          NULL },
        { "tailscale.stateDir", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "tailscale.capName", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "tailscale.mode", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "debug", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "server", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "operator", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "api", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "health", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "clusterInfo", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
        { "otel", NULL, 0, NULL, OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL },
};

static const struct option_row role = {
        NULL, "role", 'r', "", OPTION_TEXT, AT(role), NULL, 0, 0, NULL,
        "ROLE", "a lower role that also matches" };
static const struct option_row kubeconfig = {
        NULL, "kubeconfig", 0, "", OPTION_TEXT, AT(kubeconfig), NULL, 0, 0, NULL,
        "FILE", "the kubeconfig (default: as kubectl chooses)" };
static const struct option_row format = {
        NULL, "output", 'o', "", OPTION_TEXT, AT(format), "table", 0, 0, "table|text|json",
        "FORMAT", "how to show it" };
static const struct option_row period = {
        NULL, "for", 0, "", OPTION_DURATION, AT(for_seconds), NULL, 1, 86400, NULL,
        "DURATION", "end sooner than the rule allows, and do not renew" };
static const struct option_row reason = {
        NULL, "reason", 0, "", OPTION_TEXT, AT(reason), NULL, 0, 0, NULL,
        "TEXT", "why, for the audit log; not renewed" };
static const struct option_row use = {
        NULL, "use", 0, "", OPTION_BOOL, AT(use), NULL, 0, 0, NULL,
        NULL, "make the context the current one" };
static const struct option_row context_name = {
        NULL, "context-name", 0, "", OPTION_TEXT, AT(context_name), NULL, 0, 0, NULL,
        "NAME", "how to call the context (default: the cluster, CLUSTER!ROLE)" };
static const struct option_row ca_hash = {
        NULL, "ca-hash", 0, "", OPTION_TEXT, AT(ca_hash), NULL, 0, 0, NULL,
        "HEX", "SHA-256 of the cluster's CA" };
static const struct option_row cluster = {
        NULL, "cluster", 0, "", OPTION_TEXT, AT(cluster), NULL, 0, 0, NULL,
        "NAME", "the cluster's name" };
/* clang-format on */

/* What each command understands besides the common rows. */
static const struct option_row *const own[COMMAND_COUNT][8] = {
        [COMMAND_LOGIN] = { &role, &period, &reason, &use, &context_name, &kubeconfig },
        [COMMAND_LOGOUT] = { &kubeconfig },
        [COMMAND_GET_LOGIN] = { &kubeconfig, &format },
        [COMMAND_CREDENTIAL] = { &ca_hash, &cluster, &role },
        [COMMAND_VERSION] = { &format },
};

static size_t gather_rows(enum command command, struct option_row rows[ROWS_MAX])
{
        size_t count = 0;

        for (size_t i = 0; i < ARRAY_LENGTH(own[command]) && own[command][i]; i++)
                rows[count++] = *own[command][i];
        for (size_t i = 0; i < ARRAY_LENGTH(common); i++)
                rows[count++] = common[i];
        return count;
}

void config_clear(struct config *config)
{
        for (enum command command = 0; command < COMMAND_COUNT; command++) {
                struct option_row rows[ROWS_MAX];
                struct options options = { rows, gather_rows(command, rows) };
                options_clear(&options, config);
        }
        text_list_clear(&config->operands);
}

bool config_is_help(int argc, char **argv)
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
                if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                        return true;
        return false;
}

void config_print_help(enum command command, struct buf *text)
{
        const struct command_words *words = command_words(command);
        struct option_row rows[ROWS_MAX];
        struct options options = { rows, gather_rows(command, rows) };

        buf_printf(text, "Usage: kubectl tka %s %s\n\n%s\n", words->name, words->arguments,
                   words->summary);
        if (words->example[0])
                buf_printf(text, "\nExample:\n  kubectl tka %s\n", words->example);
        buf_add(text, "\nFlags:\n");
        options_print_help(&options, text);
}

/* Never the current directory: whoever calls kubectl chooses that. */
static char *find_file(int argc, char **argv, bool *optional)
{
        const char *given = options_config_path(argc, argv);
        scoped_free char *folder = directory_config();

        *optional = !given;
        if (given)
                return xstrdup(given);
        if (folder) {
                scoped_free char *own_file = xasprintf("%s/config.yaml", folder);
                if (access(own_file, F_OK) == 0)
                        return take(own_file);
        }
        return xstrdup("/etc/tka/config.yaml");
}

/* The kubeconfig's arguments name it again, from wherever kubectl is called. */
static void make_absolute(char **path)
{
        char *whole = *path ? realpath(*path, NULL) : NULL;

        if (!whole)
                return;
        free(*path);
        *path = whole;
}

bool config_read(enum command command, int argc, char **argv, struct config *config,
                 struct error *err)
{
        struct option_row rows[ROWS_MAX];
        struct options options = { rows, gather_rows(command, rows) };
        bool takes_operand = command == COMMAND_LOGIN || command == COMMAND_LOGOUT ||
                             command == COMMAND_GET_LOGIN;
        bool optional = false;
        scoped_free char *file = find_file(argc, argv, &optional);
        json_auto_t *json = NULL;

        if (!options_read_file(file, optional, &json, err) ||
            !options_read(&options, json, file, argc, argv,
                          takes_operand ? &config->operands : NULL, config, err))
                return false;
        make_absolute(&config->config_file);
        if (config->operands.count > 1)
                return error_set(err, ERROR_INVALID,
                                 "one cluster or server at a time: \"%s\" is one too many",
                                 config->operands.items[1]);
        return true;
}

/* A host as it may stand in a URL, in the kubeconfig's arguments and on a terminal. */
static bool host_is_plain(const char *host, size_t length)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";

        return length > 0 && length <= 255 && !strchr("-.:]", host[0]) &&
               strspn(host, allowed) >= length;
}

/* "scheme://host[:port]" in small letters, without the port that the scheme means anyway. */
static bool normalize(const char *given, char **url, struct error *err)
{
        scoped_free char *text = xstrdup(given);

        for (char *at = text; *at; at++)
                if (*at >= 'A' && *at <= 'Z')
                        *at = (char)(*at - 'A' + 'a');

        bool https = strncmp(text, "https://", 8) == 0;
        if (!https && strncmp(text, "http://", 7) != 0)
                return error_set(err, ERROR_INVALID, "\"%s\" is no http or https URL", given);
        char *host = text + (https ? 8 : 7);
        size_t length = strcspn(host, "/");
        if (host[length] && host[length + 1])
                return error_set(err, ERROR_INVALID, "\"%s\": a path cannot follow the host",
                                 given);
        host[length] = '\0';
        if (!host_is_plain(host, length))
                return error_set(err, ERROR_INVALID, "\"%s\" names no host", given);

        const char *usual = https ? ":443" : ":80";
        size_t usual_length = strlen(usual);
        if (length > usual_length && strcmp(host + length - usual_length, usual) == 0)
                host[length - usual_length] = '\0';
        *url = take(text);
        return true;
}

bool config_server_is_default(const struct config *config)
{
        return !config->server && !config->tailnet && config->port == DEFAULT_PORT &&
               strcmp(config->hostname, DEFAULT_HOSTNAME) == 0;
}

bool config_server_url(const struct config *config, const char *given, char **url,
                       struct error *err)
{
        const char *host = given ? given : config->server;
        scoped_free char *default_host = NULL;

        if (!host) {
                default_host = xasprintf("%s%s%s", config->hostname, config->tailnet ? "." : "",
                                         config->tailnet ? config->tailnet : "");
                host = default_host;
        }
        if (strstr(host, "://"))
                return normalize(host, url, err);
        if (strchr(host, ':') && host[0] != '[') {
                scoped_free char *whole =
                        xasprintf("%s://%s",
                                  strcmp(strrchr(host, ':'), ":443") == 0 ? "https" : "http", host);
                return normalize(whole, url, err);
        }
        scoped_free char *whole = xasprintf("%s://%s:%lld", config->port == 443 ? "https" : "http",
                                            host, (long long)config->port);
        return normalize(whole, url, err);
}
