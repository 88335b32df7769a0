#include "lib/options/options.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/options/option_key.h"
#include "lib/options/option_value.h"
#include "lib/options/spelling.h"

/* What one call of options_read() knows. */
struct reading {
        const struct options *options;
        const struct option_sources *sources;
        void *record;
        struct option_notes *notes;  /* or NULL */
        enum option_origin *origins; /* by row */
        int next;                    /* of the arguments */
};

static bool starts_with(const char *text, const char *start)
{
        return !strncmp(text, start, strlen(start));
}

bool options_take_flag(const struct options *options, const struct option_row *row)
{
        size_t length = row->flag ? strlen(row->flag) : 0;

        if (!row->flag || !options->flags)
                return row->flag != NULL;
        for (const char *at = options->flags; *at; at += strspn(at, " ")) {
                size_t found = strcspn(at, " ");
                if (found == length && !strncmp(at, row->flag, length))
                        return true;
                at += found;
        }
        return false;
}

static bool has_name(const struct options *options, const struct option_row *row, bool flags)
{
        return flags ? options_take_flag(options, row) : row->key != NULL;
}

/* ", did you mean ...?" from the names of the rows that have one. */
static bool refuse_name(const struct options *options, bool flags, const char *name,
                        struct error *err)
{
        const char *dashes = flags ? "--" : "\"";
        const char *quote = flags ? "" : "\"";
        scoped(text_list_clear) struct text_list names = { 0 };

        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                if (has_name(options, row, flags))
                        text_list_add(&names, flags ? row->flag : row->key);
        }
        const char *nearest = spelling_nearest(name, &names);
        if (!nearest)
                return error_set(err, ERROR_INVALID, "%s%.64s%s is no %s", dashes, name, quote,
                                 flags ? "flag" : "key");
        return error_set(err, ERROR_INVALID, "%s%.64s%s is no %s; did you mean %s%s%s?", dashes,
                         name, quote, flags ? "flag" : "key", dashes, nearest, quote);
}

static void note_origin(const struct reading *reading, const struct option_row *row,
                        enum option_origin origin)
{
        reading->origins[row - reading->options->rows] = origin;
}

/* "8123" and "true" too, where the file is one of other programs' too. */
static bool read_value(const struct reading *reading, const struct option_row *row,
                       const json_t *value, struct error *err)
{
        bool is_word = row->kind == OPTION_INTEGER || row->kind == OPTION_BOOL;

        if (reading->sources->lenient && is_word && json_is_string(value))
                return option_value_set(row, json_string_value(value), false, reading->record, err);
        return option_value_decode(row, value, reading->record, err);
}

static bool read_key(const struct reading *reading, const char *key, const json_t *value,
                     struct error *err)
{
        const struct options *options = reading->options;
        bool any_case = reading->sources->lenient;
        const struct option_row *row = option_key_find(options, key, any_case);

        if (row && row->kind != OPTION_ELSEWHERE) {
                if (json_is_null(value))
                        return true;
                note_origin(reading, row, OPTION_FROM_FILE);
                if (read_value(reading, row, value, err))
                        return true;
                error_wrap(err, "\"%s\"", key);
                return options_wrap_line(reading->sources, key, err);
        }
        if (option_key_is_elsewhere(options, key, any_case)) {
                if (reading->notes)
                        text_list_add(&reading->notes->ignored, key);
                return true;
        }
        if (!option_key_is_section(options, key, any_case)) {
                refuse_name(options, false, key, err);
                return options_wrap_line(reading->sources, key, err);
        }
        if (json_is_null(value))
                return true;
        error_set(err, ERROR_INVALID, "\"%s\" must hold keys of its own", key);
        return options_wrap_line(reading->sources, key, err);
}

/* Keys of sections are walked, "server" then "server.port"; depth is that of the table's keys. */
static bool read_section(const struct reading *reading, const char *section, const json_t *object,
                         struct error *err)
{
        const struct options *options = reading->options;
        bool any_case = reading->sources->lenient;
        const char *name = NULL;
        json_t *value = NULL;

        json_object_foreach(json_at(object, ""), name, value)
        {
                scoped_free char *key = xasprintf("%s%s%s", section, *section ? "." : "", name);
                const struct option_row *row = option_key_find(options, key, any_case);
                bool own = row && row->kind != OPTION_ELSEWHERE;
                bool descend = !own && json_is_object(value) &&
                               option_key_is_section(options, key, any_case);
                if (descend ? !read_section(reading, key, value, err)
                            : !read_key(reading, key, value, err))
                        return false;
        }
        return true;
}

static bool read_environment(const struct reading *reading, struct error *err)
{
        for (size_t i = 0; i < reading->options->count; i++) {
                const struct option_row *row = &reading->options->rows[i];
                scoped_free char *name = options_environment_name(row);
                const char *text = name ? getenv(name) : NULL;
                if (!text || !*text)
                        continue;
                note_origin(reading, row, OPTION_FROM_ENVIRONMENT);
                if (!option_value_set(row, text, false, reading->record, err))
                        return error_wrap(err, "%s", name);
        }
        return true;
}

static bool read_fallbacks(const struct reading *reading, struct error *err)
{
        for (size_t i = 0; i < reading->options->count; i++) {
                const struct option_row *row = &reading->options->rows[i];
                if (!row->fallback)
                        continue;
                note_origin(reading, row, OPTION_FROM_DEFAULT);
                if (!option_value_set(row, row->fallback, false, reading->record, err))
                        return error_wrap(err, "the default of \"%s\"",
                                          row->key ? row->key : row->flag);
        }
        return true;
}

static bool set_flag(const struct reading *reading, const struct option_row *row, const char *text,
                     struct error *err)
{
        bool again = reading->origins[row - reading->options->rows] == OPTION_FROM_FLAG;

        note_origin(reading, row, OPTION_FROM_FLAG);
        return option_value_set(row, text, again, reading->record, err) ||
               error_wrap(err, "--%s", row->flag);
}

/* The value that follows as the next argument. */
static bool set_flag_from_next(struct reading *reading, const struct option_row *row,
                               struct error *err)
{
        if (reading->next >= reading->sources->argc)
                return error_set(err, ERROR_INVALID, "--%s needs a value (%s)", row->flag,
                                 row->choices ? row->choices
                                              : (row->placeholder ? row->placeholder : "VALUE"));
        return set_flag(reading, row, reading->sources->argv[reading->next++], err);
}

/* Taken ones first: two rows may share a flag's name or letter, for different commands. */
static const struct option_row *find_flag(const struct options *options, const char *name,
                                          size_t length, char letter)
{
        const struct option_row *found = NULL;

        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                if (!row->flag)
                        continue;
                bool match = letter ? row->letter == letter
                                    : !strncmp(row->flag, name, length) && !row->flag[length];
                if (match && options_take_flag(options, row))
                        return row;
                found = match ? row : found;
        }
        return found;
}

const struct option_row *options_find_argument(const struct options *options, const char *argument,
                                               bool *needs_next)
{
        bool is_long = starts_with(argument, "--");
        const char *name = argument + (is_long ? 2 : 1);
        size_t length = is_long ? strcspn(name, "=") : strlen(name);
        char letter = '\0';

        if (!is_long)
                letter = *name;
        const struct option_row *row = find_flag(options, name, length, letter);
        bool has_value = is_long ? name[length] == '=' : length > 1;

        *needs_next = row && row->kind != OPTION_BOOL && !has_value;
        return row;
}

static bool refuse_flag(const struct options *options, const struct option_row *row,
                        const char *name, struct error *err)
{
        if (!row)
                return refuse_name(options, true, name, err);
        return error_set(err, ERROR_INVALID, "--%s means nothing to this command", row->flag);
}

/* --flag=value, --flag value, --flag, --no-flag; text is what follows the dashes. */
static bool read_long(struct reading *reading, const char *text, struct error *err)
{
        const struct options *options = reading->options;
        size_t length = strcspn(text, "=");
        const char *value = text[length] ? text + length + 1 : NULL;
        const struct option_row *row = find_flag(options, text, length, '\0');
        bool negated = false;

        if (!row && starts_with(text, "no-") && !value) {
                row = find_flag(options, text + strlen("no-"), length - strlen("no-"), '\0');
                negated = row && row->kind == OPTION_BOOL;
                row = negated ? row : NULL;
        }
        if (!row || !options_take_flag(options, row)) {
                scoped_free char *name = xstrndup(text, length);
                return refuse_flag(options, row, name, err);
        }
        if (value || row->kind == OPTION_BOOL)
                return set_flag(reading, row, value ? value : (negated ? "false" : "true"), err);
        return set_flag_from_next(reading, row, err);
}

/* -q, -qv, -n value, -nvalue, -n=value; text is what follows the dash. */
static bool read_short(struct reading *reading, const char *text, struct error *err)
{
        for (; *text; text++) {
                const struct option_row *row = find_flag(reading->options, NULL, 0, *text);
                if (!row)
                        return error_set(err, ERROR_INVALID, "-%c is no flag", *text);
                if (!options_take_flag(reading->options, row))
                        return refuse_flag(reading->options, row, NULL, err);
                if (row->kind != OPTION_BOOL && text[1])
                        return set_flag(reading, row, text + 1 + (text[1] == '='), err);
                if (row->kind != OPTION_BOOL)
                        return set_flag_from_next(reading, row, err);
                if (!set_flag(reading, row, "true", err))
                        return false;
        }
        return true;
}

static bool refuse_word(const char *text, struct error *err)
{
        return error_set(err, ERROR_INVALID, "\"%.64s\" is one word too many", text);
}

static bool takes_words(const struct reading *reading)
{
        return reading->notes && !reading->notes->flags_only;
}

static bool read_argument(struct reading *reading, const char *text, struct error *err)
{
        if (starts_with(text, "--"))
                return read_long(reading, text + 2, err);
        if (text[0] == '-' && text[1])
                return read_short(reading, text + 1, err);
        if (!takes_words(reading))
                return refuse_word(text, err);
        text_list_add(&reading->notes->operands, text);
        return true;
}

static bool read_arguments(struct reading *reading, struct error *err)
{
        const struct option_sources *sources = reading->sources;

        while (reading->next < sources->argc) {
                const char *text = sources->argv[reading->next++];
                if (!strcmp(text, "--"))
                        break;
                if (!read_argument(reading, text, err))
                        return false;
        }
        if (reading->next >= sources->argc)
                return true;
        if (!takes_words(reading))
                return refuse_word(sources->argv[reading->next], err);
        reading->notes->rest = &sources->argv[reading->next];
        return true;
}

bool options_read(const struct options *options, const struct option_sources *sources, void *record,
                  struct option_notes *notes, struct error *err)
{
        scoped_free enum option_origin *own = xcalloc(options->count, sizeof(*own));
        struct reading reading = { .options = options,
                                   .sources = sources,
                                   .record = record,
                                   .notes = notes,
                                   .origins = notes && notes->origins ? notes->origins : own,
                                   .next = 1 };

        return read_fallbacks(&reading, err) &&
               (!sources->json || read_section(&reading, "", sources->json, err)) &&
               read_environment(&reading, err) && read_arguments(&reading, err);
}

void option_notes_clear(struct option_notes *notes)
{
        text_list_clear(&notes->operands);
        text_list_clear(&notes->ignored);
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
