#include "operator/config.h"

#include "lib/memory.h"
#include "lib/options/option_rows.h"
#include "schema/settings.h"

static const struct option_row rows[] = {
        DAEMON_ROWS(SETTINGS_FILE, "127.0.0.1", "8081"),
        SETTINGS_ROWS,

        ELSEWHERE("operator.clusterName"),
        ELSEWHERE("operator.contextPrefix"),
        ELSEWHERE("operator.userPrefix"),
        ELSEWHERE("server.hosts"),
        ELSEWHERE("server.tls"),
        ELSEWHERE("server.readTimeout"),
        ELSEWHERE("server.readHeaderTimeout"),
        ELSEWHERE("server.writeTimeout"),
        ELSEWHERE("server.idleTimeout"),
        ELSEWHERE("tailscale"),
        ELSEWHERE("clusterInfo"),
        ELSEWHERE("api"),
        ELSEWHERE("otel"),
        SETTINGS_ELSEWHERE,
};

static const struct daemon_check checks[] = { SETTINGS_CHECKS };

static const struct daemon_config table = {
        .options = { rows, ARRAY_LENGTH(rows), NULL },
        .record_size = sizeof(struct config),
        .file = SETTINGS_FILE,
        .title = "Configuration of tka-operator",
        .checks = checks,
        .check_count = ARRAY_LENGTH(checks),
};

const struct daemon_config *config_table(void)
{
        return &table;
}

void config_clear(struct config *config)
{
        options_clear(&table.options, config);
}
