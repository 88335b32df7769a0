/* config.h - what tka-operator is told: by flag, TKA_*, file or default; one table. */
#pragma once

#include "lib/daemon/daemon.h"
#include "schema/settings.h"

struct config {
        struct daemon_options daemon;
        struct settings settings;
};

/* Its table and what goes with it, for daemon_read(). */
const struct daemon_config *config_table(void);
void config_clear(struct config *config);
