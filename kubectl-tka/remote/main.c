#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "kubectl-tka/commands.h"
#include "kubectl-tka/remote/config.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/report.h"
#include "lib/memory.h"
#include "lib/options.h"

static bool cmd_version(const struct config *config, struct error *err)
{
        (void)err;
        printf(strcmp(config->format, "json") == 0 ? "{\"version\":\"%s\"}\n" : "kubectl-tka %s\n",
               VERSION);
        return true;
}

static bool cmd_help(const struct config *config, struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };

        (void)config;
        (void)err;
        command_print_help(&text);
        fputs(buf_text(&text), stdout);
        return true;
}

static bool (*const run[COMMAND_COUNT])(const struct config *config, struct error *err) = {
        [COMMAND_LOGIN] = cmd_login,         [COMMAND_LOGOUT] = cmd_logout,
        [COMMAND_GET_LOGIN] = cmd_get_login, [COMMAND_CREDENTIAL] = cmd_credential,
        [COMMAND_VERSION] = cmd_version,     [COMMAND_HELP] = cmd_help,
};

static bool refuse_command(int argc, char **argv, struct error *err)
{
        const char *names[COMMAND_COUNT + 1] = { NULL };
        bool is_flag = argc > 1 && argv[1][0] == '-';

        if (argc < 2)
                return error_set(err, ERROR_INVALID, "no command was given");
        for (enum command i = 0; i < COMMAND_COUNT; i++)
                names[i] = command_words(i)->name;

        scoped_free char *given = argc > 2 && strcmp(argv[1], "get") == 0
                                          ? xasprintf("get %s", argv[2])
                                          : xstrdup(argv[1]);
        const char *near = options_nearest(given, names);
        error_set(err, ERROR_INVALID, "there is no %s \"%.100s\"%s", is_flag ? "flag" : "command",
                  given, is_flag ? " before the command" : "");
        return near ? error_advise(err, "did you mean \"%s\"?", near)
                    : error_advise(err, "\"kubectl tka --help\" lists the commands");
}

static bool run_command(int argc, char **argv, struct error *err)
{
        scoped(config_clear) struct config config = { 0 };
        scoped(buf_clear) struct buf help = { 0 };
        enum command command = COMMAND_HELP;
        int words = 0;

        if (!command_find(argc, argv, &command, &words))
                return refuse_command(argc, argv, err);
        if (config_is_help(argc - words, argv + words)) {
                config_print_help(command, &help);
                fputs(buf_text(&help), stdout);
                return true;
        }
        return config_read(command, argc - words, argv + words, &config, err) &&
               run[command](&config, err);
}

int main(int argc, char **argv)
{
        struct error err = { 0 };

        json_set_alloc_funcs(xmalloc, free_wiped); /* tokens pass through them */
        bool done = run_command(argc, argv, &err);
        if (fflush(stdout) != 0 && done)
                done = error_set(&err, ERROR_INTERNAL, "writing to the standard output failed");
        return done ? 0 : report_error(&err);
}
