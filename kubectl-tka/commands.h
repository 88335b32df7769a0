/* commands.h - every word that may follow `kubectl tka`, for both executables. */
#pragma once

#include "lib/buf.h"

enum command {
        COMMAND_LOGIN,
        COMMAND_LOGOUT,
        COMMAND_GET_LOGIN,
        COMMAND_CREDENTIAL,
        COMMAND_VERSION,
        COMMAND_HELP,
        COMMAND_COUNT,
};

struct command_words {
        const char *name;      /* "get login" */
        const char *aliases;   /* "signin auth", or "" */
        const char *arguments; /* as --help shows them */
        const char *summary;
        const char *example; /* what follows "kubectl tka ", or "" */
};
const struct command_words *command_words(enum command command);

/* The command that argv[1] and perhaps argv[2] name, and how many words that took. false: none. */
bool command_find(int argc, char **argv, enum command *command, int *words);
/* `kubectl tka --help`. */
void command_print_help(struct buf *text);
/* One candidate a line and the directive ":4" (no files), as kubectl asks kubectl_complete-tka. */
void command_print_completions(int argc, char **argv, struct buf *text);
