/* daemon.h - what every daemon does before its own work: finds the command, and confines itself. */
#pragma once

#include "lib/error.h"

struct daemon_command {
        const char *name;
        const char *help; /* one line */
        /* argv[0] is the command's name. */
        bool (*run)(int argc, char **argv, struct error *err);
};

/* The all of main(): runs the command that argv[1] names; "version" and "help" are known without
 * being in the table. Errors are one line on stderr. Gives the exit status. */
int daemon_main(const char *program, const struct daemon_command *commands, size_t count, int argc,
                char **argv);

/* sandbox_enter() with what libc, libcurl and OpenSSL read at run time, and the folders of files
 * (NULL entries do not count), which rotate by renaming. socket: a unix socket to
 * connect to, or NULL. Logs a warning where the kernel has no Landlock. */
bool daemon_confine(const char *const *files, size_t count, const char *socket,
                    struct error *err) must_check;
