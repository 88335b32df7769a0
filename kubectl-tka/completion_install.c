#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/completion.h"
#include "kubectl-tka/completion_script.h"
#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/handlers.h"
#include "kubectl-tka/output.h"
#include "kubectl-tka/search_path.h"
#include "lib/file.h"
#include "lib/memory.h"

/* The folder kubectl finds us in, which need not be the one we lie in: krew has a link there. */
static char *find_folder(void)
{
        scoped_free char *found = search_path_find(getenv("PATH"), "kubectl-tka");
        scoped_free char *self = exec_remote_beside("kubectl-tka");
        const char *path = found ? found : self;

        return path ? file_folder(path) : NULL;
}

static bool points_at_us(const char *link)
{
        char theirs[PATH_MAX];
        char ours[PATH_MAX];

        return realpath(link, theirs) && realpath("/proc/self/exe", ours) &&
               strcmp(theirs, ours) == 0;
}

static bool explain(const char *link, int reason, struct error *err)
{
        if (reason == EEXIST)
                return error_set(err, ERROR_CONFLICT, "\"%s\" is there already, and not ours",
                                 link);
        error_set(err, reason == EACCES || reason == EROFS ? ERROR_DENIED : ERROR_INTERNAL,
                  "making \"%s\": %s", link, strerror(reason));
        return error_advise(err, "make it yourself: sudo ln -s kubectl-tka %s", link);
}

bool completion_install(struct buf *text, struct error *err)
{
        scoped_free char *folder = find_folder();
        scoped_free char *link = folder ? xasprintf("%skubectl_complete-tka", folder) : NULL;

        if (!link)
                return error_set(err, ERROR_INTERNAL, "kubectl-tka is in no folder of PATH");
        int reason = symlink("kubectl-tka", link) == 0 ? 0 : errno;
        if (reason != 0 && !(reason == EEXIST && points_at_us(link)))
                return explain(link, reason, err);
        buf_printf(text,
                   "%s: kubectl completes \"kubectl tka\" by it, where its own completion is "
                   "loaded.\nFor \"tka\" itself: kubectl tka completion --help\n",
                   link);
        return true;
}

bool cmd_completion(const struct config *config, struct error *err)
{
        const char *shell = config_operand(config);
        const char *script = shell ? completion_script(shell) : NULL;
        scoped(buf_clear) struct buf text = { 0 };

        if (shell && !script) {
                error_set(err, ERROR_INVALID, "there is no completion for \"%.64s\"", shell);
                return error_advise(err, "there are bash, zsh, fish and powershell");
        }
        if (!shell && !config->install) {
                error_set(err, ERROR_INVALID, "which shell?");
                return error_advise(err, "there are bash, zsh, fish and powershell");
        }
        if (config->install && !completion_install(&text, err))
                return false;
        if (script)
                buf_add(&text, script);
        return output_write(&text, err);
}
