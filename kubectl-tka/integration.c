#include "kubectl-tka/integration.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/handlers.h"
#include "kubectl-tka/local/directory.h"
#include "kubectl-tka/output.h"
#include "lib/file.h"
#include "lib/memory.h"

/* Nothing of what the program says is evaluated but one line, and that only in exactly this form:
 * no quote within the quotes. The program knows its own commands and aliases. */
static const char bash_text[] = /* zsh too */
        "tka() {\n"
        "    local line\n"
        "    line=$(command tka __integration posix $$ \"$@\")\n"
        "    case $line in\n"
        "    *\\'*\\'*\\'*) command tka \"$@\" ;;\n"
        "    \"export KUBECONFIG='/\"?*\"'\")\n"
        "        (eval \"$line\" && command tka --use \"$@\") || return\n"
        "        eval \"$line\"\n"
        "        ;;\n"
        "    *) command tka \"$@\" ;;\n"
        "    esac\n"
        "}\n";

static const char fish_text[] =
        "function tka\n"
        "    set -l line (command tka __integration fish $fish_pid $argv)\n"
        "    if string match -qr \"^set -gx KUBECONFIG '/[^'\\\\\\\\]+'\\$\" -- \"$line\"\n"
        "        set -l file (string split \"'\" -- $line)[2]\n"
        "        env KUBECONFIG=$file tka --use $argv; or return\n"
        "        eval $line\n"
        "    else\n"
        "        command tka $argv\n"
        "    end\n"
        "end\n";

static const char powershell_text[] =
        "function tka {\n"
        "    $tka = (Get-Command -CommandType Application -TotalCount 1 tka).Source\n"
        "    $line = & $tka __integration powershell $PID @args\n"
        "    if (\"$line\" -cmatch \"^\\`$env:KUBECONFIG = '(/[^']+)'\\z\") {\n"
        "        $before = $env:KUBECONFIG\n"
        "        $env:KUBECONFIG = $Matches[1]\n"
        "        & $tka --use @args\n"
        "        if ($LASTEXITCODE -ne 0) { $env:KUBECONFIG = $before }\n"
        "    } else {\n"
        "        & $tka @args\n"
        "    }\n"
        "}\n";

static const struct {
        const char *shell, *text;
} functions[] = {
        { "bash",       bash_text       },
        { "zsh",        bash_text       },
        { "fish",       fish_text       },
        { "powershell", powershell_text },
};

static const struct {
        const char *shell, *format;
} lines[] = {
        { "posix",      "export KUBECONFIG='%s'\n"  },
        { "fish",       "set -gx KUBECONFIG '%s'\n" },
        { "powershell", "$env:KUBECONFIG = '%s'\n"  },
};

bool cmd_integration(const struct config *config, struct error *err)
{
        const char *shell = config_operand(config);
        scoped(buf_clear) struct buf text = { 0 };

        for (size_t i = 0; shell && i < ARRAY_LENGTH(functions); i++) {
                if (strcmp(functions[i].shell, shell) != 0)
                        continue;
                buf_add(&text, functions[i].text);
                return output_write(&text, err);
        }
        error_set(err, ERROR_INVALID, "%s%.64s%s", shell ? "there is no integration for \"" : "",
                  shell ? shell : "which shell?", shell ? "\"" : "");
        return error_advise(err, "there are bash, zsh, fish and powershell");
}

/* "4711.yaml" of a process that is gone. */
static bool is_stale(const char *name)
{
        char *end = NULL;
        long pid = strtol(name, &end, 10);

        return pid > 0 && strcmp(end, ".yaml") == 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void remove_stale(const char *folder)
{
        DIR *directory = opendir(folder);

        for (const struct dirent *entry = NULL;
             directory && (entry = readdir(directory)) != NULL;) {
                if (!is_stale(entry->d_name))
                        continue;
                scoped_free char *path = xasprintf("%s/%s", folder, entry->d_name);
                unlink(path);
        }
        if (directory)
                closedir(directory);
}

/* Into the kubeconfig of the environment: elsewhere there is none for the shell to change to. */
static bool signs_in(int argc, char **argv)
{
        scoped(command_line_clear) struct command_line line = { 0 };
        scoped(config_clear) struct config config = { 0 };
        struct error ignored = { 0 };

        return command_line_read(argc, argv, &line, &ignored) && line.command == COMMAND_LOGIN &&
               !command_line_asks_help(&line) && config_read(&line, NULL, "", &config, &ignored) &&
               !config.dry_run && !config.to_stdout && !config.kubeconfig;
}

static bool print_line(const char *shell, const char *path, struct buf *text, struct error *err)
{
        if (path[strcspn(path, "'\\\n\r")])
                return error_set(err, ERROR_INVALID, "\"%.200s\" cannot be quoted", path);
        for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
                if (strcmp(lines[i].shell, shell) != 0)
                        continue;
                const char *mark = strstr(lines[i].format, "%s");
                buf_append(text, lines[i].format, (size_t)(mark - lines[i].format));
                buf_add(text, path);
                buf_add(text, mark + strlen("%s"));
        }
        return true;
}

bool integration_print_line(int argc, char **argv, struct buf *text, struct error *err)
{
        scoped_free char *runtime = directory_runtime();
        scoped_free char *cache = directory_cache();
        const char *base = runtime ? runtime : cache;
        scoped_free char *folder = base ? xasprintf("%s/kubeconfigs", base) : NULL;

        /* argv[1] stands where a command line has the program's name. */
        if (argc < 2 || !folder || strspn(argv[1], "0123456789") != strlen(argv[1]) ||
            !signs_in(argc - 1, argv + 1))
                return true;
        scoped_free char *path = xasprintf("%s/%s.yaml", folder, argv[1]);
        if (!file_make_private_directory(folder, err))
                return false;
        remove_stale(folder);
        return print_line(argv[0], path, text, err);
}
