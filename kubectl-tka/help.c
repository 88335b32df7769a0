#include "kubectl-tka/help.h"

#include <string.h>
#include <unistd.h>

#include "kubectl-tka/handlers.h"
#include "kubectl-tka/local/terminal.h"
#include "kubectl-tka/output.h"
#include "lib/memory.h"
#include "lib/options/wrap.h"

#define NAME_COLUMNS 12 /* a longer name has its summary on the next line */

static void print_group(enum command_group group, size_t width, struct buf *text)
{
        size_t column = NAME_COLUMNS + 4;

        buf_printf(text, "\n%s:\n", command_group_title(group));
        for (enum command i = 0; i < COMMAND_COUNT; i++) {
                const struct command_words *command = command_words(i);
                if (command->group != group)
                        continue;
                buf_printf(text, "  %-*s", NAME_COLUMNS + 2, command->name);
                if (strlen(command->name) > NAME_COLUMNS)
                        buf_printf(text, "\n%*s", (int)column, "");
                wrap_print(command->summary, column, width, text);
                buf_add(text, "\n");
        }
}

static void print_examples(const char *program, const char *examples, struct buf *text)
{
        for (const char *at = examples; *at; at += strspn(at, "\n")) {
                size_t length = strcspn(at, "\n");
                buf_printf(text, "  %s %.*s\n", program, (int)length, at);
                at += length;
        }
}

static void print_exit_codes(size_t width, struct buf *text)
{
        buf_add(text, "\nExit codes: ");
        scoped(buf_clear) struct buf codes = { 0 };
        const char *meaning = NULL;

        for (int code = 0; (meaning = error_exit_meaning(code)); code++)
                buf_printf(&codes, "%s%d %s", code > 0 ? ", " : "", code, meaning);
        wrap_print(buf_text(&codes), 12, width, text);
        buf_add(text, "\n");
}

void help_print_all(const char *program, size_t width, struct buf *text)
{
        buf_printf(text,
                   "Sign in to Kubernetes clusters with your tailnet identity.\n\n"
                   "Usage: %s COMMAND [flags]\n",
                   program);
        for (enum command_group group = 0; group < COMMAND_GROUP_COUNT; group++)
                print_group(group, width, text);
        buf_add(text, "\nExamples:\n");
        print_examples(program, "list\nlogin prod\nlogin prod --role view --for 30m", text);
        print_exit_codes(width, text);
        buf_printf(text, "\n`%s COMMAND --help` shows what a command does and its flags.\n",
                   program);
}

static void print_usage(const char *program, const struct command_words *command, struct buf *text)
{
        buf_printf(text, "Usage: %s %s%s%s [flags]\n", program, command->name,
                   *command->operands ? " " : "", command->operands);
        if (!*command->aliases)
                return;
        buf_add(text, "Also: ");
        for (const char *at = command->aliases; *at; at += strspn(at, "|")) {
                size_t length = strcspn(at, "|");
                buf_printf(text, "%s%.*s", at > command->aliases ? ", " : "", (int)length, at);
                at += length;
        }
        buf_add(text, "\n");
}

void help_print_command(const char *program, enum command command, size_t width, struct buf *text)
{
        const struct command_words *words = command_words(command);
        const struct options options = config_options(command);
        scoped_free char *sentence = command_sentence(command);

        wrap_print(sentence, 0, width, text);
        buf_add(text, "\n\n");
        print_usage(program, words, text);
        if (*words->details) {
                buf_add(text, "\n");
                wrap_print(words->details, 0, width, text);
                buf_add(text, "\n");
        }
        if (*words->examples) {
                buf_add(text, "\nExamples:\n");
                print_examples(program, words->examples, text);
        }
        buf_add(text, "\nFlags:\n");
        options_print_help(&options, width, text);
}

bool help_show(const char *program, enum command command, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };
        size_t width = terminal_width(STDOUT_FILENO);

        if (command == COMMAND_HELP)
                help_print_all(program, width, &text);
        else
                help_print_command(program, command, width, &text);
        return output_write(&text, err);
}

/* `help`, `help login`, `help get login`. */
bool cmd_help(const struct config *config, struct error *err)
{
        const struct text_list *words = &config->notes.operands;
        char *argv[4] = { NULL };
        scoped(command_line_clear) struct command_line line = { 0 };

        for (size_t i = 0; i < words->count && i < 2; i++)
                argv[i + 1] = words->items[i];
        return command_line_read((int)words->count + 1, argv, &line, err) &&
               help_show(config->program, line.command, err);
}
