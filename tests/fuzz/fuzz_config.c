/* Any bytes as the config file of tka-server. */
#include "lib/memory.h"
#include "lib/yaml.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length);

/* What the server relies on once a file was taken. */
static void check(const struct config *config)
{
        if (config->port < 1 || config->port > UINT16_MAX || config->capabilities.count == 0 ||
            config->settings.roles.count == 0 || config->requests_per_second < 0 ||
            config->request_burst < 1 ||
            config->settings.min_period_seconds > config->settings.max_period_seconds ||
            config->cluster.server_url == NULL)
                __builtin_trap();
}

static bool pass_checks(const struct daemon_config *table, struct config *config, struct error *err)
{
        for (size_t i = 0; i < table->check_count; i++)
                if (!table->checks[i].check(config, err))
                        return false;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t length)
{
        const struct daemon_config *table = config_table();
        scoped(config_clear) struct config config = { 0 };
        json_auto_t *json = NULL;
        struct error err = { 0 };
        char name[] = "tka-server", *argv[] = { name, NULL };
        struct option_sources sources = { .file = "config.yaml", .argc = 1, .argv = argv };

        if (!yaml_parse((const char *)text, length, &json, &err) || !json_is_object(json))
                return 0;
        sources.json = json;
        if (options_read(&table->options, &sources, &config, NULL, &err) &&
            pass_checks(table, &config, &err))
                check(&config);
        else if (err.kind != ERROR_INVALID || !*err.text)
                __builtin_trap();
        return 0;
}
