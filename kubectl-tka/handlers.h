/* handlers.h - the commands that kubectl-tka answers itself, without a library and in a moment. */
#pragma once

#include "kubectl-tka/config.h"

/* Each prints its own result on stdout, nothing else. */
bool cmd_help(const struct config *config, struct error *err) must_check;
bool cmd_status(const struct config *config, struct error *err) must_check;
bool cmd_completion(const struct config *config, struct error *err) must_check;
bool cmd_integration(const struct config *config, struct error *err) must_check;
bool cmd_version(const struct config *config, struct error *err) must_check;
