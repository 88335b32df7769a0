/* config.h - the settings with those of the config file, and what they say of servers. */
#pragma once

#include "kubectl-tka/config.h"

/* config_read() with the file that --config, TKA_CONFIG or the usual places name. *config is to be
 * cleared also when this fails. */
bool config_load(const struct command_line *line, struct config *config,
                 struct error *err) must_check;

/* Which file is read, there or not. The caller's. */
char *config_read_file(const struct config *config);
/* Where settings are written: what --config or TKA_CONFIG names, else the person's own file. The
 * caller's; NULL: there is no home directory. */
char *config_own_file(const struct config *config);

/* The TKA server's URL in its one form: what was given (a URL or a host), else what is configured.
 * The caller's. */
bool config_server_url(const struct config *config, const char *given, char **url,
                       struct error *err) must_check;
/* Neither flag, variable nor file names a server. */
bool config_server_is_default(const struct config *config);
