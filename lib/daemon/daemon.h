/* daemon.h - what every daemon does before its own work: finds the command, reads its
 * configuration, and confines itself. */
#pragma once

#include "lib/api/kube.h"
#include "lib/log.h"
#include "lib/options/options.h"

/* What every daemon is told; the first member of the record its options fill. Its rows are
 * DAEMON_ROWS of lib/options/option_rows.h. */
struct daemon_options {
        char *file;
        bool help;

        char *kubeconfig; /* or NULL */

        char *health_address;
        int64_t health_port;

        char *log_level_text, *log_format_text;
        bool debug;

        /* Read from the texts above. */
        enum log_level log_level;
        enum log_format log_format;
};

/* What no row can say by itself: that values go together. */
struct daemon_check {
        const char *keys[3]; /* that it is about, ended by NULL: a refusal says where the first of
                                them that was given stands */
        /* Refuses what cannot work, naming the key; may read words for those that follow. */
        bool (*check)(void *part, struct error *err);
        size_t part; /* of the record: where it lies there */
};

/* A daemon's configuration: its table, and the record that the table fills. */
struct daemon_config {
        struct options options;
        size_t record_size;
        const char *file;                  /* read when there is one and none is named */
        const char *title;                 /* of the file's JSON Schema */
        const struct daemon_check *checks; /* in this order, once all is read */
        size_t check_count;
};

/* A command with the same flags as the daemon's verb, which comes to an end. */
struct daemon_errand {
        const char *name;
        const char *summary; /* for the list of commands */
        const char *about;   /* for the manual page: whole sentences */
        bool (*run)(void *record, struct kube_config *kube, struct error *err);
};

struct daemon {
        const char *name;     /* "tka-server" */
        const char *verb;     /* the command that runs it: "serve" */
        const char *summary;  /* what it does, in a few words */
        const char *about;    /* the same for --help of the verb */
        const char *see_also; /* manual pages: "kubectl-tka(1) tka-config(5)" */
        const struct daemon_config *config;
        bool (*run)(void *record, struct kube_config *kube, struct error *err);
        const struct daemon_errand *errand; /* or NULL */
};

/* One IP address, for DAEMON_ROWS. */
bool daemon_check_address(const char *text, struct error *err) must_check;
/* The all of main(): "VERB [flags]", the errand's name, "config check [flags]", "version" and
 * "help"; "manual SECTION" is for the build. Errors are one line on stderr. Gives the exit status.
 */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

/* Section 8: the daemon's manual page. 5: its part of tka-config(5). */
void daemon_print_manual(const struct daemon *daemon, int section, struct buf *page);

/* Reads and checks the configuration. The caller clears the record also on failure. */
bool daemon_read(const struct daemon_config *config, int argc, char **argv, void *record,
                 struct error *err) must_check;

/* Of the file; the caller's. */
json_t *daemon_schema(const struct daemon_config *config);

/* sandbox_enter() with what libc, libcurl and OpenSSL read at run time, and the folders of files
 * (NULL entries do not count), which rotate by renaming; where one is a link, that of the file it
 * leads to as well. socket: a unix socket to connect to, or NULL. Logs a warning where the kernel
 * has no Landlock. */
bool daemon_confine(const char *const *files, size_t count, const char *socket,
                    struct error *err) must_check;
