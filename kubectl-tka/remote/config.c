#include "kubectl-tka/remote/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/directory.h"
#include "lib/memory.h"

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

bool config_load(const struct command_line *line, struct config *config, struct error *err)
{
        bool optional = false;
        scoped_free char *file = find_file(line->argc, line->argv, &optional);
        json_auto_t *json = NULL;

        if (!options_read_file(file, optional, &json, NULL, err) ||
            !config_read(line, json, file, config, err))
                return false;
        make_absolute(&config->config_file);
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
        return !config->server && !config->tailnet && config->port == CONFIG_PORT &&
               strcmp(config->hostname, CONFIG_HOSTNAME) == 0;
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
        scoped_free char *whole =
                xasprintf("%s://%s:%lld", config->port == CONFIG_PORT ? "https" : "http", host,
                          (long long)config->port);
        return normalize(whole, url, err);
}
