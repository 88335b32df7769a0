#include "kubectl-tka/config.h"

#include <stdlib.h>

#include "kubectl-tka/local/cache.h"
#include "lib/api/tailscale.h"
#include "lib/memory.h"
#include "lib/options/option_rows.h"

#define DAY_SECONDS 86400

/* A flag alone, with few words to choose from. */
#define ONE_OF(flag, letter, member, fallback, choices, name, help) \
        { NULL, flag,    letter, "",   OPTION_TEXT, offsetof(struct config, member), fallback, 0, \
          0,    choices, name,   help, NULL }

/* A relative one would be another in every folder. Whoever calls kubectl chooses the current one,
 * and who listens there says which servers are to be trusted. */
static bool check_socket(const char *text, struct error *err)
{
        return text[0] == '/' ||
               error_set(err, ERROR_INVALID, "the socket \"%.100s\" is no absolute path", text);
}

static const struct option_row rows[] = {
        BARE("role", 'r', "", OPTION_TEXT, role, "ROLE", "a lower role that is granted to you too"),
        ROW(NULL, "for", 0, OPTION_DURATION, for_seconds, NULL, 1, DAY_SECONDS, NULL, "DURATION",
            "end sooner than the rule allows, and do not renew"),
        BARE("reason", 0, "", OPTION_TEXT, reason, "TEXT", "why, for the audit log; not renewed"),
        BARE("use", 0, "", OPTION_BOOL, use, NULL, "make the context the current one"),
        BARE("context-name", 0, "", OPTION_TEXT, context_name, "NAME",
             "how to call the context (default: CLUSTER, or CLUSTER!ROLE)"),
        BARE("absolute", 0, "", OPTION_BOOL, absolute, NULL,
             "name the plugin by its path: for programs with another PATH than a shell's"),
        ONE_OF("exec-api", 0, exec_api, "v1", "v1|v1beta1", "VERSION",
               "how kubectl speaks to the plugin; v1beta1 is for old ones"),
        BARE("dry-run", 0, "", OPTION_BOOL, dry_run, NULL,
             "show what would be written into which kubeconfig; sign in nobody"),
        BARE("stdout", 0, "", OPTION_BOOL, to_stdout, NULL,
             "print the kubeconfig instead of changing one"),
        BARE("everywhere", 0, "", OPTION_BOOL, everywhere, NULL,
             "end your sessions on all your devices"),
        BARE("forget", 0, "", OPTION_BOOL, forget, NULL,
             "take the cluster's contexts out of the kubeconfig"),
        BARE("all", 'a', "", OPTION_BOOL, all, NULL, "every cluster you have signed in to"),
        BARE("token", 0, "", OPTION_BOOL, token, NULL,
             "put a token into it instead of the plugin: for programs that run none"),
        BARE("install", 0, "", OPTION_BOOL, install, NULL,
             "make the link by which kubectl completes \"kubectl tka\""),
        BARE("format", 0, "", OPTION_TEXT, template, "TEMPLATE",
             "for instance '{cluster} {role} {left}'"),
        BARE("kubeconfig", 0, "", OPTION_TEXT, kubeconfig, "FILE",
             "the kubeconfig (default: as kubectl chooses)"),
        ONE_OF("output", 'o', output, NULL, COMMAND_OUTPUTS, "FORMAT", "how to show it"),
        BARE("ca-hash", 0, "", OPTION_TEXT, ca_hash, "HEX", "SHA-256 of the cluster's CA"),
        BARE("cluster", 0, "", OPTION_TEXT, cluster, "NAME", "the cluster's name"),

        BARE("server", 's', "TKA_SERVER", OPTION_TEXT, server, "URL",
             "the TKA server: a URL, or a host of the tailnet"),
        TEXT("tailscale.hostname", "hostname", hostname, CONFIG_HOSTNAME, "HOST",
             "the TKA server where none is named"),
        TEXT("tailscale.tailnet", "tailnet", tailnet, NULL, "DOMAIN",
             "what follows the name of a host without dots"),
        NUMBER("tailscale.port", "port", 'p', port, "443", 65535, "PORT",
               "its port where none is named; 443 means https"),
        CHECKED("tailscale.socket", "tailscale-socket", 0, OPTION_TEXT, socket, TAILSCALE_SOCKET,
                "PATH", "the local tailscaled's socket", check_socket),
        LIST("tailscale.serverTags", "server-tags", 0, server_tags, CONFIG_SERVER_TAGS, "TAGS",
             "tags by which a TKA server is known"),
        TEXT("tailscale.serverNodeId", "node-id", node_id, NULL, "ID",
             "the one node that is trusted without such a tag"),
        BARE("insecure-plain-http", 0, "", OPTION_BOOL, insecure_plain_http, NULL,
             "ask over plain HTTP without knowing who answers"),
        CHOICE("cache", "cache", cache, "auto", CACHE_MODES, "WHERE", "where tokens are kept"),
        BARE("config", 'c', "TKA_CONFIG", OPTION_TEXT, config_file, "FILE",
             "config file (default: ~/.config/tka/config.yaml, /etc/tka/config.yaml)"),
        BARE("debug", 0, "", OPTION_BOOL, debug, NULL,
             "show every rule the server looked at, which won and why"),
        ROW("output.quiet", "quiet", 'q', OPTION_BOOL, quiet, NULL, 0, 0, NULL, NULL,
            "print errors alone"),
        BARE("help", 'h', "", OPTION_BOOL, help, NULL, "show this"),

        ELSEWHERE("output.theme"),
        ELSEWHERE("output.long"),
        ELSEWHERE("output.markdownlint-fix"),
        ELSEWHERE("tailscale.stateDir"),
        ELSEWHERE("tailscale.capName"),
        ELSEWHERE("tailscale.mode"),
        ELSEWHERE("debug"),
        ELSEWHERE("server"),
        ELSEWHERE("operator"),
        ELSEWHERE("api"),
        ELSEWHERE("health"),
        ELSEWHERE("clusterInfo"),
        ELSEWHERE("otel"),
        ELSEWHERE("kubernetes"),
        ELSEWHERE("log"),
        ELSEWHERE("leaderElection"),
        ELSEWHERE("orchestrator"),
        ELSEWHERE("proxy"),
};

struct options config_options(enum command command)
{
        return (struct options){ rows, ARRAY_LENGTH(rows), command_words(command)->flags };
}

void config_clear(struct config *config)
{
        const struct options options = { rows, ARRAY_LENGTH(rows), NULL };

        options_clear(&options, config);
        free(config->loaded_file);
        config->loaded_file = NULL;
        json_decref(config->lines);
        config->lines = NULL;
        free(config->notes.origins);
        config->notes.origins = NULL;
        option_notes_clear(&config->notes);
}

const char *config_operand(const struct config *config)
{
        return config->notes.operands.count > 0 ? config->notes.operands.items[0] : NULL;
}

/* What follows "--" are words like the others, but for a command that runs them. */
static void join_rest(const struct command_words *words, struct option_notes *notes)
{
        if (words->runs_rest || !notes->rest)
                return;
        for (char **at = notes->rest; *at; at++)
                text_list_add(&notes->operands, *at);
        notes->rest = NULL;
}

static bool check_operands(const struct command_words *words, const struct text_list *operands,
                           struct error *err)
{
        if (operands->count <= words->operands_max)
                return true;
        error_set(err, ERROR_INVALID, "\"%.64s\" is one word too many",
                  operands->items[words->operands_max]);
        return error_advise(err, "usage: kubectl tka %s%s%s", words->name,
                            *words->operands ? " " : "", words->operands);
}

bool config_read(const struct command_line *line, const json_t *json, const char *file,
                 struct config *config, struct error *err)
{
        const struct command_words *words = command_words(line->command);
        const struct options options = config_options(line->command);
        const struct option_sources sources = { json,       file,          line->argc,
                                                line->argv, config->lines, .lenient = true };

        config->program = line->program;
        if (!options_read(&options, &sources, config, &config->notes, err))
                return false;
        join_rest(words, &config->notes);
        return check_operands(words, &config->notes.operands, err);
}
