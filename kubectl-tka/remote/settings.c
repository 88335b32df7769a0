#include <string.h>
#include <unistd.h>

#include "kubectl-tka/local/report.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/remote/config.h"
#include "kubectl-tka/remote/config_file.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/table.h"
#include "lib/memory.h"
#include "lib/options/option_key.h"
#include "lib/options/option_value.h"
#include "lib/options/spelling.h"
#include "lib/yaml.h"

/* INVALID, with the nearest, for what is no key. *row is NULL for a key of other programs. */
static bool find_row(const char *key, const struct option_row **row, struct error *err)
{
        const struct options options = config_options(COMMAND_CONFIG_LIST);
        const struct option_row *found = option_key_find(&options, key, true);
        scoped(text_list_clear) struct text_list keys = { 0 };

        if (found || option_key_is_elsewhere(&options, key, true)) {
                *row = found && found->kind != OPTION_ELSEWHERE ? found : NULL;
                return true;
        }
        for (size_t i = 0; i < options.count; i++)
                if (options.rows[i].key && options.rows[i].kind != OPTION_ELSEWHERE)
                        text_list_add(&keys, options.rows[i].key);
        const char *near = spelling_nearest(key, &keys);
        error_set(err, ERROR_INVALID, "\"%.64s\" is no setting of kubectl-tka", key);
        return near ? error_advise(err, "did you mean \"%s\"?", near)
                    : error_advise(err, "\"kubectl tka config list\" shows all");
}

/* As a flag would take it. */
static void print_value(const json_t *value, struct buf *text)
{
        size_t index = 0;
        const json_t *item = NULL;

        json_array_foreach(value, index, item)
        {
                buf_printf(text, "%s%s", index > 0 ? "," : "", json_string_value(item));
        }
        if (json_is_string(value))
                buf_add(text, json_string_value(value));
        else if (value && !json_is_array(value) && !json_is_null(value))
                json_print(value, text);
}

/* --- list and get --- */

static const char *const origin_names[] = {
        [OPTION_FROM_NOWHERE] = "none", [OPTION_FROM_DEFAULT] = "default",
        [OPTION_FROM_FILE] = "file",    [OPTION_FROM_ENVIRONMENT] = "environment",
        [OPTION_FROM_FLAG] = "flag",
};

/* "/home/alice/.config/tka/config.yaml:12", "TKA_CACHE", "--cache" */
static char *locate(const struct config *config, const struct option_row *row,
                    enum option_origin origin)
{
        if (origin == OPTION_FROM_FLAG)
                return xasprintf("--%s", row->flag);
        if (origin == OPTION_FROM_ENVIRONMENT)
                return options_environment_name(row);
        if (origin != OPTION_FROM_FILE)
                return NULL;
        const char *spelled = json_find_member(config->lines, row->key);
        json_int_t line = spelled ? json_integer_value(json_object_get(config->lines, spelled)) : 0;
        return line > 0 ? xasprintf("%s:%" JSON_INTEGER_FORMAT, config->loaded_file, line)
                        : xstrdup(config->loaded_file);
}

static json_t *describe(const struct config *config, const struct option_row *row,
                        enum option_origin origin)
{
        bool has_value = origin != OPTION_FROM_NOWHERE || row->kind == OPTION_BOOL;
        json_t *item = json_object();
        scoped_free char *name = row->key ? xstrdup(row->key) : xasprintf("--%s", row->flag);
        scoped_free char *where = locate(config, row, origin);

        json_object_set_new(item, "key", json_text(name));
        json_object_set_new(item, "value",
                            has_value ? option_value_encode(row, config) : json_null());
        json_object_set_new(item, "from",
                            json_text(has_value && origin == OPTION_FROM_NOWHERE
                                              ? "default"
                                              : origin_names[origin]));
        json_object_set_new(item, "where", where ? json_text(where) : json_null());
        return item;
}

/* Keys of the file, and what has a variable without being one. */
static json_t *describe_all(const struct config *config)
{
        const struct options options = config_options(COMMAND_CONFIG_LIST);
        json_t *list = json_array();

        for (size_t i = 0; i < options.count; i++) {
                const struct option_row *row = &options.rows[i];
                scoped_free char *variable = options_environment_name(row);
                if (row->kind != OPTION_ELSEWHERE && (row->key || variable))
                        json_array_append_new(list,
                                              describe(config, row, config->notes.origins[i]));
        }
        return list;
}

/* For people: the value as they would type it, and one column for where it comes from. */
static void simplify(json_t *list)
{
        size_t index = 0;
        json_t *item = NULL;

        json_array_foreach(list, index, item)
        {
                const char *where = json_text_at(item, "where");
                const char *from = json_text_at(item, "from");
                scoped(buf_clear) struct buf text = { 0 };
                scoped_free char *both =
                        xasprintf("%s%s%s", from, where ? " " : "", where ? where : "");
                print_value(json_object_get(item, "value"), &text);
                json_object_set_new(item, "value", json_text(buf_text(&text)));
                json_object_set_new(item, "from", json_text(both));
        }
}

bool cmd_config_list(const struct config *config, struct error *err)
{
        static const struct output_column columns[] = {
                { "KEY",   "key",   OUTPUT_TEXT },
                { "VALUE", "value", OUTPUT_TEXT },
                { "FROM",  "from",  OUTPUT_TEXT },
        };
        static const struct output_view view = { columns, ARRAY_LENGTH(columns), "key" };
        json_auto_t *list = describe_all(config);

        if (output_format_parse(config->output, OUTPUT_TABLE) == OUTPUT_TABLE)
                simplify(list);
        return table_show(config, &view, list, err);
}

/* The value alone, as all forms but its name have it. */
static void print_setting(enum output_format format, const char *key, const json_t *value,
                          struct buf *text)
{
        static const struct output_view view = { .name = "key" };

        if (format == OUTPUT_TABLE)
                print_value(value, text);
        else if (format == OUTPUT_NAME)
                buf_add(text, key);
        else
                output_print(format, &view, value, text);
        if (format == OUTPUT_TABLE || format == OUTPUT_NAME)
                buf_add(text, "\n");
}

bool cmd_config_get(const struct config *config, struct error *err)
{
        const char *key = config_operand(config);
        const struct options options = config_options(COMMAND_CONFIG_LIST);
        const struct option_row *row = NULL;
        scoped(buf_clear) struct buf text = { 0 };

        if (!key) {
                error_set(err, ERROR_INVALID, "which key?");
                return error_advise(err, "\"kubectl tka config list\" shows all");
        }
        if (!find_row(key, &row, err))
                return false;
        if (!row)
                return error_set(err, ERROR_INVALID, "\"%.64s\" means nothing to kubectl-tka", key);
        json_auto_t *value = option_value_encode(row, config);
        bool unset = config->notes.origins[row - options.rows] == OPTION_FROM_NOWHERE;
        if (!value || (unset && row->kind != OPTION_BOOL))
                return error_set(err, ERROR_NOT_FOUND, "\"%s\" has no value", key);
        print_setting(output_format_parse(config->output, OUTPUT_TABLE), row->key, value, &text);
        return output_write(&text, err);
}

/* --- set and path --- */

static bool is_plain(const json_t *value)
{
        return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

/* The value as the file is to hold it. */
static bool parse_value(const struct option_row *row, const char *text, json_t **value,
                        struct error *err)
{
        struct config scratch = { 0 };
        bool done = option_value_set(row, text, false, &scratch, err);

        if (done)
                *value = option_value_encode(row, &scratch);
        config_clear(&scratch);
        if (!done)
                return error_wrap(err, "\"%s\"", row->key);
        if (!*value)
                *value = json_array(); /* an empty list */
        return true;
}

/* A key of other programs: whatever YAML makes of it. */
static bool parse_foreign(const char *key, const char *text, json_t **value, struct error *err)
{
        if (!yaml_parse(text, strlen(text), value, err) || !is_plain(*value))
                return error_set(err, ERROR_INVALID, "\"%.64s\" is no plain value", text);
        report_warning("\"%s\" means nothing to kubectl-tka", key);
        return true;
}

static void warn_of_variable(const struct option_row *row)
{
        scoped_free char *variable = options_environment_name(row);
        const char *text = variable ? getenv(variable) : NULL;

        if (text && *text)
                report_warning("%s is set, and wins over the file", variable);
}

bool cmd_config_set(const struct config *config, struct error *err)
{
        const struct text_list *words = &config->notes.operands;
        const struct option_row *row = NULL;
        json_auto_t *value = NULL;
        bool rewritten = false;

        if (words->count < 2) {
                error_set(err, ERROR_INVALID, words->count == 0 ? "which key?" : "which value?");
                return error_advise(err, "usage: kubectl tka config set KEY VALUE");
        }
        const char *key = words->items[0];
        if (!find_row(key, &row, err) || !(row ? parse_value(row, words->items[1], &value, err)
                                               : parse_foreign(key, words->items[1], &value, err)))
                return false;
        scoped_free char *path = config_own_file(config);
        if (!path)
                return error_set(err, ERROR_INVALID, "no place for a config file: HOME is not set");
        if (!config_file_set(path, row ? row->key : key, value, &rewritten, err))
                return false;
        if (rewritten)
                report_warning("%s was written anew: its comments and layout could not be kept",
                               path);
        if (row)
                warn_of_variable(row);
        return true;
}

bool cmd_config_path(const struct config *config, struct error *err)
{
        scoped_free char *path = config_read_file(config);
        scoped(buf_clear) struct buf text = { 0 };

        buf_printf(&text, "%s\n", path);
        return output_write(&text, err);
}
