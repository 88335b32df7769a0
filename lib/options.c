#include "lib/options.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/option_value.h"

/* What one call of options_read() knows. */
struct reading {
        const struct options *options;
        const char *file;
        void *record;
        bool *flagged; /* by row: a flag has set it already */
};

/* Where the walk along the arguments stands. */
struct arguments {
        int count;
        char **texts;
        int next;
};

static bool starts_with(const char *text, const char *start)
{
        return !strncmp(text, start, strlen(start));
}

/* ", did you mean ...?" from the names of the rows that have one. */
static bool refuse_name(const struct options *options, bool flags, const char *name,
                        struct error *err)
{
        const char *dashes = flags ? "--" : "\"";
        const char *quote = flags ? "" : "\"";
        scoped_free const char **names =
                (const char **)xcalloc(options->count + 1, sizeof(const char *));
        size_t count = 0;

        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                if (flags ? row->flag : row->key)
                        names[count++] = flags ? row->flag : row->key;
        }
        const char *nearest = options_nearest(name, names);
        if (!nearest)
                return error_set(err, ERROR_INVALID, "%s%.64s%s is no %s", dashes, name, quote,
                                 flags ? "flag" : "key");
        return error_set(err, ERROR_INVALID, "%s%.64s%s is no %s; did you mean %s%s%s?", dashes,
                         name, quote, flags ? "flag" : "key", dashes, nearest, quote);
}

static const struct option_row *find_key(const struct options *options, const char *key)
{
        for (size_t i = 0; i < options->count; i++)
                if (options->rows[i].key && !strcmp(options->rows[i].key, key))
                        return &options->rows[i];
        return NULL;
}

/* Is inner "outer.something"? */
static bool is_below(const char *inner, const char *outer)
{
        return starts_with(inner, outer) && inner[strlen(outer)] == '.';
}

static bool is_section(const struct options *options, const char *key)
{
        for (size_t i = 0; i < options->count; i++)
                if (options->rows[i].key && is_below(options->rows[i].key, key))
                        return true;
        return false;
}

static bool is_elsewhere(const struct options *options, const char *key)
{
        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                if (row->kind == OPTION_ELSEWHERE && row->key &&
                    (!strcmp(row->key, key) || is_below(key, row->key)))
                        return true;
        }
        return false;
}

static bool read_key(const struct reading *reading, const char *key, const json_t *value,
                     struct error *err)
{
        const struct option_row *row = find_key(reading->options, key);

        if (row && row->kind != OPTION_ELSEWHERE) {
                if (json_is_null(value) || option_value_decode(row, value, reading->record, err))
                        return true;
                return error_wrap(err, "%s: \"%s\"", reading->file, key);
        }
        if (is_elsewhere(reading->options, key))
                return true;
        if (!is_section(reading->options, key)) {
                refuse_name(reading->options, false, key, err);
                return error_wrap(err, "%s", reading->file);
        }
        return json_is_null(value) ||
               error_set(err, ERROR_INVALID, "%s: \"%s\" must hold keys of its own", reading->file,
                         key);
}

/* Keys of sections are walked, "server" then "server.port"; depth is that of the table's keys. */
static bool read_section(const struct reading *reading, const char *section, const json_t *object,
                         struct error *err)
{
        const char *name = NULL;
        json_t *value = NULL;

        json_object_foreach(json_at(object, ""), name, value)
        {
                scoped_free char *key = xasprintf("%s%s%s", section, *section ? "." : "", name);
                const struct option_row *row = find_key(reading->options, key);
                bool own = row && row->kind != OPTION_ELSEWHERE;
                bool descend = !own && json_is_object(value) && is_section(reading->options, key);
                if (descend ? !read_section(reading, key, value, err)
                            : !read_key(reading, key, value, err))
                        return false;
        }
        return true;
}

/* "tailscale.capName" to "TKA_TAILSCALE_CAPNAME" */
char *options_environment_name(const struct option_row *row)
{
        if (row->kind == OPTION_ELSEWHERE)
                return NULL;
        if (row->environment)
                return *row->environment ? xstrdup(row->environment) : NULL;
        if (!row->key)
                return NULL;
        char *name = xasprintf("TKA_%s", row->key);
        for (char *at = name + strlen("TKA_"); *at; at++) {
                if (*at == '.')
                        *at = '_';
                else if (*at >= 'a' && *at <= 'z')
                        *at = (char)(*at - 'a' + 'A');
        }
        return name;
}

static bool read_environment(const struct reading *reading, struct error *err)
{
        for (size_t i = 0; i < reading->options->count; i++) {
                const struct option_row *row = &reading->options->rows[i];
                scoped_free char *name = options_environment_name(row);
                const char *text = name ? getenv(name) : NULL;
                if (text && *text && !option_value_set(row, text, false, reading->record, err))
                        return error_wrap(err, "%s", name);
        }
        return true;
}

static bool read_fallbacks(const struct reading *reading, struct error *err)
{
        for (size_t i = 0; i < reading->options->count; i++) {
                const struct option_row *row = &reading->options->rows[i];
                if (row->fallback &&
                    !option_value_set(row, row->fallback, false, reading->record, err))
                        return error_wrap(err, "the default of \"%s\"",
                                          row->key ? row->key : row->flag);
        }
        return true;
}

static bool set_flag(const struct reading *reading, const struct option_row *row, const char *text,
                     struct error *err)
{
        bool *flagged = &reading->flagged[row - reading->options->rows];

        if (!option_value_set(row, text, *flagged, reading->record, err))
                return error_wrap(err, "--%s", row->flag);
        *flagged = true;
        return true;
}

/* The value that follows as the next argument. */
static bool set_flag_from_next(const struct reading *reading, const struct option_row *row,
                               struct arguments *arguments, struct error *err)
{
        if (arguments->next >= arguments->count)
                return error_set(err, ERROR_INVALID, "--%s needs a value (%s)", row->flag,
                                 row->choices ? row->choices
                                              : (row->placeholder ? row->placeholder : "VALUE"));
        return set_flag(reading, row, arguments->texts[arguments->next++], err);
}

static const struct option_row *find_flag(const struct options *options, const char *name)
{
        for (size_t i = 0; i < options->count; i++)
                if (options->rows[i].flag && !strcmp(options->rows[i].flag, name))
                        return &options->rows[i];
        return NULL;
}

static const struct option_row *find_letter(const struct options *options, char letter)
{
        for (size_t i = 0; i < options->count; i++)
                if (options->rows[i].flag && options->rows[i].letter == letter)
                        return &options->rows[i];
        return NULL;
}

/* --flag=value, --flag value, --flag, --no-flag; text is what follows the dashes. */
static bool read_long(const struct reading *reading, const char *text, struct arguments *arguments,
                      struct error *err)
{
        size_t length = strcspn(text, "=");
        const char *value = text[length] ? text + length + 1 : NULL;
        scoped_free char *name = xstrndup(text, length);
        const struct option_row *row = find_flag(reading->options, name);

        if (!row && starts_with(name, "no-")) {
                row = find_flag(reading->options, name + strlen("no-"));
                if (row && row->kind == OPTION_BOOL && !value)
                        return set_flag(reading, row, "false", err);
                row = NULL;
        }
        if (!row)
                return refuse_name(reading->options, true, name, err);
        if (value)
                return set_flag(reading, row, value, err);
        if (row->kind == OPTION_BOOL)
                return set_flag(reading, row, "true", err);
        return set_flag_from_next(reading, row, arguments, err);
}

/* -q, -qv, -n value, -nvalue, -n=value; text is what follows the dash. */
static bool read_short(const struct reading *reading, const char *text, struct arguments *arguments,
                       struct error *err)
{
        for (; *text; text++) {
                const struct option_row *row = find_letter(reading->options, *text);
                if (!row)
                        return error_set(err, ERROR_INVALID, "-%c is no flag", *text);
                if (row->kind != OPTION_BOOL && text[1])
                        return set_flag(reading, row, text + 1 + (text[1] == '='), err);
                if (row->kind != OPTION_BOOL)
                        return set_flag_from_next(reading, row, arguments, err);
                if (!set_flag(reading, row, "true", err))
                        return false;
        }
        return true;
}

static bool add_operand(const char *text, struct text_list *operands, struct error *err)
{
        if (!operands)
                return error_set(err, ERROR_INVALID, "\"%.64s\" is one word too many", text);
        text_list_add(operands, text);
        return true;
}

static bool read_arguments(const struct reading *reading, struct arguments *arguments,
                           struct text_list *operands, struct error *err)
{
        bool flags = true;

        while (arguments->next < arguments->count) {
                const char *text = arguments->texts[arguments->next++];
                bool done = true;
                if (flags && !strcmp(text, "--"))
                        flags = false;
                else if (flags && starts_with(text, "--"))
                        done = read_long(reading, text + 2, arguments, err);
                else if (flags && text[0] == '-' && text[1])
                        done = read_short(reading, text + 1, arguments, err);
                else
                        done = add_operand(text, operands, err);
                if (!done)
                        return false;
        }
        return true;
}

/* NOLINTNEXTLINE(readability-function-size): every source of a value is an argument of its own */
bool options_read(const struct options *options, const json_t *json, const char *file, int argc,
                  char **argv, struct text_list *operands, void *record, struct error *err)
{
        scoped_free bool *flagged = xcalloc(options->count, sizeof(bool));
        struct reading reading = { options, file, record, flagged };
        struct arguments arguments = { argc, argv, 1 };

        return read_fallbacks(&reading, err) && (!json || read_section(&reading, "", json, err)) &&
               read_environment(&reading, err) &&
               read_arguments(&reading, &arguments, operands, err);
}

const char *options_config_path(int argc, char **argv)
{
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
                const char *text = argv[i];
                if (!strcmp(text, "--config") || !strcmp(text, "-c"))
                        return i + 1 < argc ? argv[i + 1] : NULL;
                if (starts_with(text, "--config="))
                        return text + strlen("--config=");
                if (starts_with(text, "-c"))
                        return text + 2 + (text[2] == '=');
        }
        const char *path = getenv("TKA_CONFIG");
        return path && *path ? path : NULL;
}

void options_clear(const struct options *options, void *record)
{
        for (size_t i = 0; i < options->count; i++)
                option_value_clear(&options->rows[i], record);
}
