#include "kubectl-tka/commands.h"

#include <string.h>

#include "lib/memory.h"

static const struct command_words commands[] = {
        [COMMAND_LOGIN] = { "login",      "signin auth", "[SERVER-OR-CLUSTER] [flags]",
                           "sign in and write a kubeconfig context",                                                      "login tka --role view" },
        [COMMAND_LOGOUT] = { "logout",     "signout",     "[CLUSTER] [flags]",
                           "end the session and forget its token",                                                        "logout prod"           },
        [COMMAND_GET_LOGIN] = { "get login",  "",            "[CLUSTER] [flags]",
                           "show the session that the server knows",                                                      "get login -o json"     },
        [COMMAND_CREDENTIAL] = { "credential", "",            "--server URL --ca-hash HEX --cluster NAME",
                           "print a token for kubectl: what the kubeconfig calls",                                        ""                      },
        [COMMAND_VERSION] = { "version",    "",            "[-o json]",                                 "show the version", "version"               },
        [COMMAND_HELP] = { "help",       "--help -h",   "",                                          "show this",        ""                      },
};

const struct command_words *command_words(enum command command)
{
        return &commands[command];
}

/* Whether list, words between spaces, holds word. */
static bool list_has(const char *list, const char *word)
{
        size_t length = strlen(word);

        for (const char *at = list; *at; at += strspn(at, " ")) {
                size_t found = strcspn(at, " ");
                if (found == length && strncmp(at, word, length) == 0)
                        return true;
                at += found;
        }
        return false;
}

static int count_matching_words(const struct command_words *command, int argc, char **argv)
{
        const char *space = strchr(command->name, ' ');

        if (!space)
                return strcmp(argv[1], command->name) == 0 || list_has(command->aliases, argv[1]);

        size_t first = (size_t)(space - command->name);
        return argc > 2 && strlen(argv[1]) == first &&
                               strncmp(argv[1], command->name, first) == 0 &&
                               strcmp(argv[2], space + 1) == 0
                       ? 2
                       : 0;
}

bool command_find(int argc, char **argv, enum command *command, int *words)
{
        for (enum command i = 0; argc > 1 && i < COMMAND_COUNT; i++) {
                int matching = count_matching_words(&commands[i], argc, argv);
                if (matching == 0)
                        continue;
                *command = i;
                *words = matching;
                return true;
        }
        return false;
}

void command_print_help(struct buf *text)
{
        buf_add(text, "Sign in to Kubernetes clusters with your tailnet identity.\n\n"
                      "Usage: kubectl tka COMMAND [flags]\n\nCommands:\n");
        for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
                buf_printf(text, "  %-12s %s\n", commands[i].name, commands[i].summary);
        buf_add(text, "\nExamples:\n");
        for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
                if (commands[i].example[0])
                        buf_printf(text, "  kubectl tka %s\n", commands[i].example);
        buf_add(text, "\n`kubectl tka COMMAND --help` shows the flags of one command.\n");
}

void command_print_completions(int argc, char **argv, struct buf *text)
{
        const char *typed = argc > 1 ? argv[argc - 1] : "";

        for (size_t i = 0; argc == 2 && i < ARRAY_LENGTH(commands); i++) {
                scoped_free char *word = xstrndup(commands[i].name, strcspn(commands[i].name, " "));
                if (strncmp(word, typed, strlen(typed)) == 0)
                        buf_printf(text, "%s\n", word);
        }
        buf_add(text, ":4\n");
}
