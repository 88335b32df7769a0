/* option_rows.h - short words for the rows of a program's option table, whose record is its struct
 * config. For config.c files alone. */
#pragma once

#include "lib/options/options.h"

#define OPTION_YEAR_SECONDS (INT64_C(366) * 24 * 3600)

/* BARE: not in the file. ELSEWHERE: not for us. */
#define BARE(flag, letter, environment, kind, member, name, help) \
        { NULL, flag, letter, environment, kind, offsetof(struct config, member), NULL, 0, \
          0,    NULL, name,   help,        NULL }
#define CHECKED(key, flag, letter, kind, member, fallback, name, help, check) \
        { key, flag, letter, NULL, kind, offsetof(struct config, member), fallback, 0, \
          0,   NULL, name,   help, check }
#define ROW(key, flag, letter, kind, member, fallback, minimum, maximum, choices, name, help) \
        { \
                key,      flag,    letter,  NULL,    kind, offsetof(struct config, member), \
                fallback, minimum, maximum, choices, name, help, \
                NULL \
        }
#define TEXT(key, flag, member, fallback, name, help) \
        ROW(key, flag, 0, OPTION_TEXT, member, fallback, 0, 0, NULL, name, help)
#define CHOICE(key, flag, member, fallback, choices, name, help) \
        ROW(key, flag, 0, OPTION_TEXT, member, fallback, 0, 0, choices, name, help)
#define LIST(key, flag, letter, member, fallback, name, help) \
        ROW(key, flag, letter, OPTION_TEXT_LIST, member, fallback, 0, 0, NULL, name, help)
#define NUMBER(key, flag, letter, member, fallback, maximum, name, help) \
        ROW(key, flag, letter, OPTION_INTEGER, member, fallback, 1, maximum, NULL, name, help)
#define PERIOD(key, flag, member, fallback, help) \
        ROW(key, flag, 0, OPTION_DURATION, member, fallback, 1, OPTION_YEAR_SECONDS, NULL, \
            "DURATION", help)
#define FLAG(key, flag, member, help) \
        ROW(key, flag, 0, OPTION_BOOL, member, NULL, 0, 0, NULL, NULL, help)
#define ELSEWHERE(key) { key, NULL, 0, "", OPTION_ELSEWHERE, 0, NULL, 0, 0, NULL, NULL, NULL, NULL }

/* The rows of the struct daemon_options in the member daemon. */
#define DAEMON_ROWS(default_file, default_address, default_port) \
        BARE("config", 'c', "TKA_CONFIG", OPTION_TEXT, daemon.file, "FILE", \
             "read this file (default: " default_file " if there is one)"), \
                BARE("help", 'h', "", OPTION_BOOL, daemon.help, NULL, "show this text"), \
                TEXT("kubernetes.kubeconfig", "kubeconfig", daemon.kubeconfig, NULL, "FILE", \
                     "how to reach the API server (default: in the cluster, $KUBECONFIG, " \
                     "~/.kube/config)"), \
                CHECKED("health.address", "health-address", 0, OPTION_TEXT, daemon.health_address, \
                        default_address, "IP", "where probes and metrics are answered", \
                        daemon_check_address), \
                NUMBER("health.port", "health-port", 0, daemon.health_port, default_port, 65535, \
                       "PORT", "its port"), \
                CHOICE("log.level", "log-level", daemon.log_level_text, "info", \
                       "debug|info|warn|error", "LEVEL", \
                       "least important line that is written; audit lines always are"), \
                CHOICE("log.format", "log-format", daemon.log_format_text, "auto", \
                       "auto|json|text", "FORMAT", "auto: text on a terminal, else JSON"), \
                FLAG("debug", "debug", daemon.debug, "the same as --log-level debug")
