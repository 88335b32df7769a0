#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "kubectl-tka/credential.h"
#include "kubectl-tka/local/report.h"
#include "kubectl-tka/local/waiting.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/remote/config.h"
#include "kubectl-tka/remote/handlers.h"
#include "kubectl-tka/remote/manual_page.h"
#include "kubectl-tka/remote/shell_session.h"
#include "lib/memory.h"

static bool (*const handlers[COMMAND_COUNT])(const struct config *config, struct error *err) = {
        [COMMAND_LOGIN] = cmd_login,
        [COMMAND_LOGOUT] = cmd_logout,
        [COMMAND_REFRESH] = cmd_refresh,
        [COMMAND_LIST] = cmd_list,
        [COMMAND_GET_LOGIN] = cmd_get_login,
        [COMMAND_ACCESS] = cmd_access,
        [COMMAND_KUBECONFIG] = cmd_kubeconfig,
        [COMMAND_CLUSTER_INFO] = cmd_cluster_info,
        [COMMAND_DOCTOR] = cmd_doctor,
        [COMMAND_CREDENTIAL] = cmd_credential,
        [COMMAND_SHELL] = cmd_shell,
        [COMMAND_EXEC] = cmd_exec,
        [COMMAND_CONFIG_GET] = cmd_config_get,
        [COMMAND_CONFIG_SET] = cmd_config_set,
        [COMMAND_CONFIG_PATH] = cmd_config_path,
        [COMMAND_CONFIG_LIST] = cmd_config_list,
};

/* For the build: no command for people, and none that kubectl-tka hands over. */
static bool print_manual(const char *section, struct error *err)
{
        scoped(buf_clear) struct buf page = { 0 };

        return manual_page_print(section, &page, err) && output_write(&page, err);
}

static bool run_command(int argc, char **argv, struct error *err)
{
        scoped(command_line_clear) struct command_line line = { 0 };
        scoped(config_clear) struct config config = { 0 };

        if (!command_line_read(argc, argv, &line, err))
                return false;
        if (!handlers[line.command])
                return error_set(err, ERROR_INVALID, "\"%s\" is answered by kubectl-tka alone",
                                 command_words(line.command)->name);
        if (!config_load(&line, &config, err)) {
                if (line.command == COMMAND_CREDENTIAL)
                        credential_tell_once(line.argc, line.argv, err);
                return false;
        }
        waiting_allow(line.command != COMMAND_CREDENTIAL && !config.quiet);
        if (line.command != COMMAND_CREDENTIAL)
                shell_session_sweep(&config);
        return handlers[line.command](&config, err);
}

int main(int argc, char **argv)
{
        struct error err = { 0 };

        prctl(PR_SET_DUMPABLE, 0); /* not the limit, which our children would have too */
        bool done = argc == 3 && strcmp(argv[1], "manual") == 0 ? print_manual(argv[2], &err)
                                                                : run_command(argc, argv, &err);
        if (fflush(stdout) != 0 && done)
                done = error_set(&err, ERROR_INTERNAL, "writing to the standard output failed");
        return done ? 0 : report_error(&err);
}
