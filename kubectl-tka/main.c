#include <string.h>
#include <sys/prctl.h>

#include "kubectl-tka/completion.h"
#include "kubectl-tka/credential.h"
#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/handlers.h"
#include "kubectl-tka/help.h"
#include "kubectl-tka/integration.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/output.h"
#include "lib/memory.h"

/* The commands that are answered here; kubectl-tka-remote has the others. */
static bool (*const here[COMMAND_COUNT])(const struct config *config, struct error *err) = {
        [COMMAND_COMPLETION] = cmd_completion,
        [COMMAND_INTEGRATION] = cmd_integration,
        [COMMAND_HELP] = cmd_help,
        [COMMAND_STATUS] = cmd_status,
        [COMMAND_VERSION] = cmd_version,
};

/* What shells ask, in scripts that we wrote: no commands for people. */
static bool answer_shell(int argc, char **argv, bool *done, struct error *err)
{
        const char *word = argc > 1 ? argv[1] : "";
        scoped(buf_clear) struct buf text = { 0 };

        *done = true;
        if (argc > 0 && strcmp(basename(argv[0]), "kubectl_complete-tka") == 0)
                completion_print(argc, argv, &text);
        else if (strcmp(word, "__complete") == 0)
                completion_print(argc - 1, argv + 1, &text);
        else if (strcmp(word, "__integration") != 0)
                *done = false;
        else if (!integration_print_line(argc - 2, argv + 2, &text, err))
                return false;
        return output_write(&text, err);
}

/* What needs the network or the kubeconfig. Returns when it cannot be started. */
static bool hand_over(char **argv, const struct command_line *line, struct error *err)
{
        exec_remote(argv, err);
        if (line->command == COMMAND_CREDENTIAL)
                credential_tell_once(line->argc, line->argv, err);
        return false;
}

static bool run_command(int argc, char **argv, struct error *err)
{
        bool answered = false;
        scoped(command_line_clear) struct command_line line = { 0 };
        scoped(config_clear) struct config config = { 0 };

        if (!command_line_read(argc, argv, &line, err))
                return false;
        if (command_line_asks_help(&line))
                return help_show(line.program, line.command, err);
        if (here[line.command])
                return config_read(&line, NULL, "", &config, err) &&
                       here[line.command](&config, err);
        if (line.command == COMMAND_CREDENTIAL &&
            !credential_from_cache(line.argc, line.argv, &answered, err))
                return false;
        return answered || hand_over(argv, &line, err);
}

int main(int argc, char **argv)
{
        struct error err = { 0 };
        bool done = false;

        prctl(PR_SET_DUMPABLE, 0); /* not the limit, which our children would have too */
        if (!answer_shell(argc, argv, &done, &err) || (!done && !run_command(argc, argv, &err)))
                return report_error(&err);
        return 0;
}
