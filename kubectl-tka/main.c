#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "kubectl-tka/commands.h"
#include "kubectl-tka/credential.h"
#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/report.h"
#include "kubectl-tka/version.h"
#include "lib/memory.h"

static bool is_completion(const char *name)
{
        const char *slash = strrchr(name, '/');

        return strcmp(slash ? slash + 1 : name, "kubectl_complete-tka") == 0;
}

/* *done stays false for everything that needs the network, the kubeconfig or an error's words. */
static bool run_here(int argc, char **argv, struct buf *text, bool *done, struct error *err)
{
        enum command command = COMMAND_HELP;
        int words = 0;

        if (argc > 0 && is_completion(argv[0])) {
                command_print_completions(argc, argv, text);
                *done = true;
        } else if (argc > 1 && !command_find(argc, argv, &command, &words)) {
                return true;
        } else if (command == COMMAND_CREDENTIAL) {
                return credential_from_cache(argc - words, argv + words, done, err);
        } else if (command == COMMAND_VERSION) {
                version_print(argc - words, argv + words, done, text);
        } else if (command == COMMAND_HELP && argc <= 2) {
                command_print_help(text);
                *done = true;
        }
        return true;
}

int main(int argc, char **argv)
{
        scoped(buf_clear) struct buf text = { 0 };
        struct error err = { 0 };
        bool done = false;

        json_set_alloc_funcs(xmalloc, free_wiped); /* tokens pass through them */
        if (!run_here(argc, argv, &text, &done, &err))
                return report_error(&err);
        if (!done) {
                exec_remote(argv, &err);
                return report_error(&err);
        }
        return fputs(buf_text(&text), stdout) < 0 || fflush(stdout) != 0;
}
