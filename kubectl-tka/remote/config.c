#include "kubectl-tka/remote/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/local/report.h"
#include "lib/memory.h"

#define SHARED_FILE "/etc/tka/config.yaml" /* the daemons read it too */

static char *find_own_file(void)
{
        scoped_free char *folder = directory_config();

        return folder ? xasprintf("%s/config.yaml", folder) : NULL;
}

/* Never the current directory: whoever calls kubectl chooses that. */
static char *find_file(const char *given)
{
        scoped_free char *own = find_own_file();

        if (given)
                return xstrdup(given);
        return own && access(own, F_OK) == 0 ? take(own) : xstrdup(SHARED_FILE);
}

char *config_read_file(const struct config *config)
{
        return find_file(config->config_file);
}

char *config_own_file(const struct config *config)
{
        return config->config_file ? xstrdup(config->config_file) : find_own_file();
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

/* Keys that other clients know. The shared file may hold what the daemons alone are told. */
static void warn_of_ignored(const struct config *config)
{
        const struct text_list *ignored = &config->notes.ignored;

        scoped(buf_clear) struct buf keys = { 0 };

        if (config->quiet || ignored->count == 0 || strcmp(config->loaded_file, SHARED_FILE) == 0)
                return;
        for (size_t i = 0; i < ignored->count; i++)
                buf_printf(&keys, "%s\"%s\"", i > 0 ? ", " : "", ignored->items[i]);
        report_warning("%s: without a meaning to kubectl-tka: %s", config->loaded_file,
                       buf_text(&keys));
}

/* These must work also while the file cannot be read. */
static bool reads_file(enum command command)
{
        return command != COMMAND_CONFIG_SET && command != COMMAND_CONFIG_PATH;
}

bool config_load(const struct command_line *line, struct config *config, struct error *err)
{
        const char *given = options_config_path(line->argc, line->argv);
        scoped_free char *file = find_file(given);
        bool missing = access(file, F_OK) != 0;
        json_auto_t *json = NULL;

        config->notes.origins =
                xcalloc(config_options(line->command).count, sizeof(*config->notes.origins));
        if (reads_file(line->command) &&
            !options_read_file(file, !given, &json, &config->lines, err))
                return false;
        if (!config_read(line, json, file, config, err))
                return false;
        if (json && !missing)
                config->loaded_file = take(file);
        if (config->loaded_file && line->command != COMMAND_CREDENTIAL)
                warn_of_ignored(config);
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

static bool has_tailnet(const struct config *config)
{
        return config->tailnet && config->tailnet[0];
}

bool config_server_is_default(const struct config *config)
{
        return !config->server && !has_tailnet(config) && config->port == CONFIG_PORT &&
               strcmp(config->hostname, CONFIG_HOSTNAME) == 0;
}

/* "tka:8123" to "tka.example.ts.net:8123"; an address, or a name with dots, is whole as it is. The
 * caller's. */
static char *complete_host(const struct config *config, const char *host)
{
        size_t length = strcspn(host, ":/");
        bool whole =
                !has_tailnet(config) || length == 0 || host[0] == '[' || memchr(host, '.', length);

        return xasprintf("%.*s%s%s%s", (int)length, host, whole ? "" : ".",
                         whole ? "" : config->tailnet, host + length);
}

/* A URL as hostname says the scheme alone: tailnet and port are settings of their own. */
static char *complete_hostname_url(const struct config *config)
{
        const char *host = strstr(config->hostname, "://") + 3;
        size_t length = strcspn(host, "/");
        scoped_free char *given = xstrndup(host, length);
        scoped_free char *full = complete_host(config, given);
        const char *bracket = strrchr(full, ']');
        bool has_port = strchr(bracket ? bracket : full, ':') || config->port == CONFIG_PORT;
        scoped_free char *port =
                has_port ? xstrdup("") : xasprintf(":%lld", (long long)config->port);

        return xasprintf("%.*s%s%s%s", (int)(host - config->hostname), config->hostname, full, port,
                         host + length);
}

/* "tka", "tka:8123" */
static char *url_of_host(const struct config *config, const char *host)
{
        scoped_free char *full = complete_host(config, host);

        if (strchr(full, ':') && full[0] != '[')
                return xasprintf("%s://%s",
                                 strcmp(strrchr(full, ':'), ":443") == 0 ? "https" : "http", full);
        return xasprintf("%s://%s:%lld", config->port == CONFIG_PORT ? "https" : "http", full,
                         (long long)config->port);
}

bool config_server_url(const struct config *config, const char *given, char **url,
                       struct error *err)
{
        const char *named = given ? given : config->server;
        const char *host = named ? named : config->hostname;

        if (named && strstr(named, "://"))
                return normalize(named, url, err);
        scoped_free char *whole =
                strstr(host, "://") ? complete_hostname_url(config) : url_of_host(config, host);
        return normalize(whole, url, err);
}
