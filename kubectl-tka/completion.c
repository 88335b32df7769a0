#include "kubectl-tka/completion.h"

#include <string.h>

#include "kubectl-tka/config.h"
#include "kubectl-tka/local/known.h"
#include "lib/memory.h"

/* What is wanted, and where candidates go. */
struct completion {
        const char *typed;       /* the beginning of the last word */
        const char *before;      /* what of that word stays before a candidate: "--role=", or "" */
        struct text_list *words; /* those of the command line before it */
        bool files;              /* the shell's own names of files are right */
        struct text_list seen;
        struct buf *text;
};

/* description may be NULL. Nothing twice. */
static void offer(struct completion *completion, const char *word, const char *description)
{
        const char *typed = completion->typed;

        if (!*word || strncmp(word, typed, strlen(typed)) != 0 ||
            text_list_has(&completion->seen, word))
                return;
        text_list_add(&completion->seen, word);
        scoped_free char *clean = error_clean_line(xstrdup(word));
        buf_printf(completion->text, "%s%s%s%s\n", completion->before, clean,
                   description ? "\t" : "", description ? description : "");
}

/* The parts of "a|b|c". */
static void offer_choices(struct completion *completion, const char *choices)
{
        scoped(text_list_clear) struct text_list words = { 0 };

        text_list_split(&words, choices, "|");
        for (size_t i = 0; i < words.count; i++)
                offer(completion, words.items[i], NULL);
}

/* --- what this machine knows --- */

static void offer_clusters(struct completion *completion)
{
        scoped(known_list_clear) struct known_list known = { 0 };

        known_list_read(&known);
        for (size_t i = 0; i < known.count; i++)
                offer(completion, known.items[i].context, known.items[i].server);
        for (size_t i = 0; i < known.count; i++)
                offer(completion, known.items[i].cluster, known.items[i].server);
}

/* Of the cluster that is named already, else of all. */
static void offer_roles(struct completion *completion)
{
        scoped(known_list_clear) struct known_list known = { 0 };
        bool named = false;

        known_list_read(&known);
        for (size_t i = 0; i < known.count; i++)
                named = named || text_list_has(completion->words, known.items[i].cluster) ||
                        text_list_has(completion->words, known.items[i].context);
        for (size_t i = 0; i < known.count; i++) {
                const struct known *item = &known.items[i];
                if (named && !text_list_has(completion->words, item->cluster) &&
                    !text_list_has(completion->words, item->context))
                        continue;
                for (size_t j = 0; j < item->roles.count; j++)
                        offer(completion, item->roles.items[j], item->cluster);
        }
}

/* --- the tables --- */

/* The word of a name, "get login", that follows those in words; NULL: it does not begin so. */
static char *next_word(const char *name, const struct text_list *words)
{
        const char *at = name;

        for (size_t i = 0; i < words->count; i++) {
                size_t length = strlen(words->items[i]);
                if (strncmp(at, words->items[i], length) != 0 || at[length] != ' ')
                        return NULL;
                at += length + 1;
        }
        return xstrndup(at, strcspn(at, " "));
}

static void offer_commands(struct completion *completion)
{
        for (enum command i = 0; i < COMMAND_COUNT; i++) {
                const struct command_words *command = command_words(i);
                scoped_free char *word = next_word(command->name, completion->words);
                if (word && command->group != COMMAND_GROUP_PLUMBING)
                        offer(completion, word,
                              strchr(command->name, ' ') && completion->words->count == 0
                                      ? NULL
                                      : command->summary);
        }
}

static void offer_keys(struct completion *completion)
{
        const struct options options = config_options(COMMAND_CONFIG_SET);

        for (size_t i = 0; i < options.count; i++)
                if (options.rows[i].key && options.rows[i].kind != OPTION_ELSEWHERE)
                        offer(completion, options.rows[i].key, options.rows[i].help);
}

static void offer_values_of(struct completion *completion, const struct option_row *row)
{
        if (row->choices)
                offer_choices(completion, row->choices);
        else if (row->kind == OPTION_BOOL)
                offer_choices(completion, "true|false");
        else if (row->placeholder && strcmp(row->placeholder, "ROLE") == 0)
                offer_roles(completion);
        else if (row->placeholder &&
                 (strcmp(row->placeholder, "FILE") == 0 || strcmp(row->placeholder, "PATH") == 0))
                completion->files = true;
}

/* The value of the key that stands before. */
static void offer_values(struct completion *completion)
{
        const struct options options = config_options(COMMAND_CONFIG_SET);
        const char *key = completion->words->items[completion->words->count - 1];

        for (size_t i = 0; i < options.count; i++)
                if (options.rows[i].key && strcmp(options.rows[i].key, key) == 0)
                        offer_values_of(completion, &options.rows[i]);
}

/* Of `help`: the words behind it begin a command's name. */
static void offer_commands_to_help(struct completion *completion)
{
        struct text_list *all = completion->words;
        struct text_list behind = { all->items + 1, all->count - 1 };

        if (all->count > 0) /* none: of "--help" */
                completion->words = &behind;
        offer_commands(completion);
        completion->words = all;
}

static void offer_shells(struct completion *completion)
{
        offer_choices(completion, "bash|zsh|fish|powershell");
}

/* By what --help calls them. */
static const struct {
        const char *name;
        void (*offer)(struct completion *completion);
} operands[] = {
        { "CLUSTER", offer_clusters         },
        { "COMMAND", offer_commands_to_help },
        { "KEY",     offer_keys             },
        { "VALUE",   offer_values           },
        { "SHELL",   offer_shells           },
};

/* The operand of that number, from 0: "[CLUSTER]" is one, "KEY VALUE" are two; the last may stand
 * for several. */
static void offer_operand(struct completion *completion, enum command command, size_t number)
{
        const struct command_words *words = command_words(command);
        const char *at = words->operands;

        if (number >= words->operands_max)
                return;
        for (; number > 0 && strchr(at, ' '); number--)
                at = strchr(at, ' ') + 1;
        at += strspn(at, "[");
        for (size_t i = 0; i < ARRAY_LENGTH(operands); i++)
                if (strcspn(at, " ]") == strlen(operands[i].name) &&
                    strncmp(at, operands[i].name, strlen(operands[i].name)) == 0)
                        operands[i].offer(completion);
}

static void offer_flags(struct completion *completion, const struct options *options)
{
        for (size_t i = 0; i < options->count; i++) {
                const struct option_row *row = &options->rows[i];
                if (!options_take_flag(options, row))
                        continue;
                scoped_free char *flag = xasprintf("--%s", row->flag);
                offer(completion, flag, row->help);
        }
}

/* Whether "--" stands among the words: another program's follow. */
static bool is_behind_dashes(const struct completion *completion)
{
        return text_list_has(completion->words, "--");
}

/* "--role=vi" */
static bool offer_joined_value(struct completion *completion, const struct options *options)
{
        const char *equals = strchr(completion->typed, '=');
        bool ignored = false;

        if (strncmp(completion->typed, "--", 2) != 0 || !equals)
                return false;
        const struct option_row *row = options_find_argument(options, completion->typed, &ignored);
        scoped_free char *before =
                xstrndup(completion->typed, (size_t)(equals - completion->typed) + 1);
        completion->before = before;
        completion->typed = equals + 1;
        if (row)
                offer_values_of(completion, row);
        completion->before = "";
        return true;
}

/* The words behind the command, taken apart: which operand comes next, or the value of what flag.
 */
static const struct option_row *read_words(const struct command_line *line,
                                           const struct options *options, size_t *operand)
{
        const struct option_row *waiting = NULL;

        for (int i = 1; i < line->argc; i++) {
                bool needs_next = false;
                if (waiting) {
                        waiting = NULL;
                } else if (line->argv[i][0] == '-' && line->argv[i][1]) {
                        const struct option_row *row =
                                options_find_argument(options, line->argv[i], &needs_next);
                        waiting = needs_next ? row : NULL;
                } else {
                        ++*operand;
                }
        }
        return waiting;
}

static void complete_command(struct completion *completion, const struct command_line *line)
{
        const struct options options = config_options(line->command);
        size_t operand = 0;
        const struct option_row *waiting = read_words(line, &options, &operand);

        if (is_behind_dashes(completion))
                completion->files = true;
        else if (waiting)
                offer_values_of(completion, waiting);
        else if (completion->typed[0] == '-' && !offer_joined_value(completion, &options))
                offer_flags(completion, &options);
        else if (completion->typed[0] != '-')
                offer_operand(completion, line->command, operand);
}

void completion_print(int argc, char **argv, struct buf *text)
{
        scoped(text_list_clear) struct text_list words = { 0 };
        scoped(command_line_clear) struct command_line line = { 0 };
        struct completion completion = {
                .typed = argc > 1 ? argv[argc - 1] : "", .before = "", .words = &words, .text = text
        };
        struct error ignored = { 0 };

        for (int i = 1; i < argc - 1; i++)
                if (argv[i][0] != '-' || strcmp(argv[i], "--") == 0)
                        text_list_add(&words, argv[i]);
        if (argc > 2 && command_line_read(argc - 1, argv, &line, &ignored))
                complete_command(&completion, &line);
        else if (completion.typed[0] == '-')
                offer_choices(&completion, "--help|--version");
        if (completion.typed[0] != '-' && !completion.files)
                offer_commands(&completion);
        text_list_clear(&completion.seen);
        buf_add(text, completion.files ? ":0\n" : ":4\n");
}
