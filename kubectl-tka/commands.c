#include "kubectl-tka/commands.h"

#include <stdlib.h>
#include <string.h>

#include "kubectl-tka/config.h"
#include "lib/memory.h"
#include "lib/options/spelling.h"

/* How many of the words of name, "get login", stand at argv: all or 0. */
static int match_words(const char *name, size_t length, int argc, char **argv)
{
        int words = 0;

        for (size_t at = 0; at < length; words++) {
                size_t word = strcspn(name + at, " |");
                if (words >= argc || strlen(argv[words]) != word ||
                    strncmp(argv[words], name + at, word) != 0)
                        return 0;
                at += word + 1;
        }
        return words;
}

/* By its name or an alias; 0: not this one. */
static int match_command(const struct command_words *command, int argc, char **argv)
{
        int words = match_words(command->name, strlen(command->name), argc, argv);

        for (const char *at = command->aliases; *at && words == 0; at += strspn(at, "|")) {
                size_t length = strcspn(at, "|");
                words = match_words(at, length, argc, argv);
                at += length;
        }
        return words;
}

static int find_command(int argc, char **argv, enum command *command)
{
        for (enum command i = 0; i < COMMAND_COUNT; i++) {
                int words = match_command(command_words(i), argc, argv);
                if (words > 0) {
                        *command = i;
                        return words;
                }
        }
        return 0;
}

/* Names and aliases; "--help" is none to suggest. */
static void gather_names(struct text_list *names)
{
        for (enum command i = 0; i < COMMAND_COUNT; i++) {
                const struct command_words *command = command_words(i);
                scoped(text_list_clear) struct text_list aliases = { 0 };
                text_list_add(names, command->name);
                text_list_split(&aliases, command->aliases, "|");
                for (size_t j = 0; j < aliases.count; j++)
                        if (aliases.items[j][0] != '-')
                                text_list_add(names, aliases.items[j]);
        }
}

/* "get" and "set" are no commands but begin some: those, joined by commas. */
static void list_beginning(const char *word, const struct text_list *names, struct buf *list)
{
        size_t length = strlen(word);

        for (size_t i = 0; i < names->count; i++)
                if (strncmp(names->items[i], word, length) == 0 && names->items[i][length] == ' ')
                        buf_printf(list, "%s\"%s\"", list->length > 0 ? ", " : "", names->items[i]);
}

static bool refuse_command(int argc, char **argv, struct error *err)
{
        scoped(text_list_clear) struct text_list names = { 0 };
        scoped(buf_clear) struct buf longer = { 0 };

        gather_names(&names);
        list_beginning(argv[0], &names, &longer);
        bool two = longer.length > 0 && argc > 1 && argv[1][0] != '-';
        scoped_free char *given =
                two ? xasprintf("%.64s %.64s", argv[0], argv[1]) : xasprintf("%.64s", argv[0]);
        const char *near = spelling_nearest(given, &names);

        error_set(err, ERROR_INVALID, "there is no command \"%s\"", given);
        if (near)
                return error_advise(err, "did you mean \"%s\"?", near);
        if (longer.length > 0)
                return error_advise(err, "there are %s", buf_text(&longer));
        return error_advise(err, "\"kubectl tka --help\" lists the commands");
}

/* "config sett": "config" alone is a command that takes no word, and begins others that do. */
static bool begins_others(const struct command_words *command, int argc, char **argv)
{
        scoped(text_list_clear) struct text_list names = { 0 };
        scoped(buf_clear) struct buf longer = { 0 };

        if (command->operands_max > 0 || argc < 2 || argv[1][0] == '-')
                return false;
        gather_names(&names);
        list_beginning(argv[0], &names, &longer);
        return longer.length > 0;
}

char *command_sentence(enum command command)
{
        char *sentence = xasprintf("%s.", command_words(command)->summary);

        if (*sentence >= 'a' && *sentence <= 'z')
                *sentence = (char)(*sentence - 'a' + 'A');
        return sentence;
}

static const char *find_program(const char *path)
{
        return strcmp(basename(path), "tka") == 0 ? "tka" : "kubectl tka";
}

/* Arguments before the command: flags, with the values of those that need one. */
static int count_leading(int argc, char **argv)
{
        const struct options all = config_options(COMMAND_LOGIN);
        enum command ignored = COMMAND_HELP;
        int count = 0;

        while (count < argc && argv[count][0] == '-' && argv[count][1]) {
                bool needs_next = false;
                if (find_command(1, argv + count, &ignored) > 0)
                        break; /* --help, --version */
                options_find_argument(&all, argv[count], &needs_next);
                count += needs_next ? 2 : 1;
        }
        return count < argc ? count : argc;
}

void command_line_clear(struct command_line *line)
{
        free((void *)line->argv);
        line->argv = NULL;
}

bool command_line_read(int argc, char **argv, struct command_line *line, struct error *err)
{
        int leading = argc > 1 ? count_leading(argc - 1, argv + 1) : 0;
        char **rest = argv + 1 + leading;
        int left = argc - 1 - leading;
        int words = 0;

        *line = (struct command_line){ .program = find_program(argc > 0 && argv[0] ? argv[0] : ""),
                                       .command = COMMAND_HELP };
        if (left > 0)
                words = find_command(left, rest, &line->command);
        if (words == 1 && begins_others(command_words(line->command), left, rest))
                words = 0;
        if (left > 0 && words == 0)
                return refuse_command(left, rest, err);
        if (left <= 0 && leading > 0)
                return error_set(err, ERROR_INVALID, "\"%.64s\" is no command", argv[1]);

        line->argv = (char **)xcalloc((size_t)argc + 1, sizeof(char *));
        line->argv[line->argc++] = words > 0 ? rest[words - 1] : argv[0];
        for (int i = 1; i <= leading; i++)
                line->argv[line->argc++] = argv[i];
        for (int i = words; i < left; i++)
                line->argv[line->argc++] = rest[i];
        return true;
}

bool command_line_asks_help(const struct command_line *line)
{
        for (int i = 1; i < line->argc && strcmp(line->argv[i], "--") != 0; i++)
                if (strcmp(line->argv[i], "--help") == 0 || strcmp(line->argv[i], "-h") == 0)
                        return true;
        return false;
}
