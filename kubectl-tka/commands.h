/* commands.h - every word that may follow `kubectl tka`, for both executables: dispatch, --help,
 * completion and man pages are loops over one table. */
#pragma once

#include "lib/buf.h"

#define COMMAND_OUTPUTS "table|json|yaml|name"

enum command {
        COMMAND_LOGIN,
        COMMAND_LOGOUT,
        COMMAND_SHELL,
        COMMAND_EXEC,
        COMMAND_REFRESH,
        COMMAND_STATUS,
        COMMAND_LIST,
        COMMAND_GET_LOGIN,
        COMMAND_ACCESS,
        COMMAND_KUBECONFIG,
        COMMAND_CLUSTER_INFO,
        COMMAND_DOCTOR,
        COMMAND_CONFIG_GET,
        COMMAND_CONFIG_SET,
        COMMAND_CONFIG_PATH,
        COMMAND_CONFIG_LIST, /* "config" alone too, so behind the others */
        COMMAND_COMPLETION,
        COMMAND_INTEGRATION,
        COMMAND_VERSION,
        COMMAND_HELP,
        COMMAND_CREDENTIAL,
        COMMAND_COUNT,
};

enum command_group {
        COMMAND_GROUP_SESSIONS,
        COMMAND_GROUP_FACTS,
        COMMAND_GROUP_SETUP,
        COMMAND_GROUP_PLUMBING,
        COMMAND_GROUP_COUNT,
};

struct command_words {
        const char *name;     /* "get login" */
        const char *aliases;  /* "signin|auth", "" */
        const char *operands; /* as --help shows them: "[CLUSTER]", "" */
        size_t operands_max;
        bool runs_rest; /* what follows "--" is a command of its own */
        enum command_group group;
        const char *summary;  /* one line */
        const char *details;  /* paragraphs */
        const char *examples; /* lines: what follows "kubectl tka " */
        const char *flags;    /* names of rows of config.c */
};
const struct command_words *command_words(enum command command);
/* The summary as a sentence: "Sign in and write a kubeconfig context."; the caller's. */
char *command_sentence(enum command command);
/* "Sign in and out" */
const char *command_group_title(enum command_group group);

/* A command line taken apart. Flags may stand before the command too: they are moved behind. */
struct command_line {
        const char *program; /* "kubectl tka", or "tka" when that was typed */
        enum command command;
        char **argv; /* [0]: the command's last word; texts are borrowed */
        int argc;
};
void command_line_clear(struct command_line *line);
/* INVALID names the nearest command. No word at all is `help`. */
bool command_line_read(int argc, char **argv, struct command_line *line,
                       struct error *err) must_check;
/* Whether --help or -h stands among the flags. */
bool command_line_asks_help(const struct command_line *line);
