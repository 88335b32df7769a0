#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/completion.h"
#include "kubectl-tka/completion_script.h"
#include "kubectl-tka/handlers.h"
#include "kubectl-tka/output.h"
#include "lib/memory.h"

/* Where PATH finds a program; the caller's, NULL: nowhere. */
static char *find_in_path(const char *name)
{
        for (const char *at = getenv("PATH"); at && *at; at += *at == ':') {
                size_t length = strcspn(at, ":");
                scoped_free char *path = xasprintf("%.*s/%s", (int)length, at, name);
                if (length > 0 && access(path, X_OK) == 0)
                        return take(path);
                at += length;
        }
        return NULL;
}

/* The folder kubectl finds us in, which need not be the one we lie in: krew has a link there. */
static char *find_folder(void)
{
        char self[PATH_MAX] = "";
        scoped_free char *found = find_in_path("kubectl-tka");
        ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
        const char *path = found ? found : self;

        if (!found && length <= 0)
                return NULL;
        return xstrndup(path, (size_t)(strrchr(path, '/') - path));
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
        scoped_free char *link = folder ? xasprintf("%s/kubectl_complete-tka", folder) : NULL;

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
