#include "kubectl-tka/exec_remote.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/memory.h"

#define REMOTE "kubectl-tka-remote"

bool exec_remote(char **argv, struct error *err)
{
        char self[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (length <= 0)
                return error_set(err, ERROR_INTERNAL, "reading /proc/self/exe: %s",
                                 strerror(errno));
        self[length] = '\0';
        *(strrchr(self, '/') + 1) = '\0';

        scoped_free char *path = xasprintf("%s" REMOTE, self);
        execv(path, argv);
        error_set(err, ERROR_INTERNAL, "starting \"%s\": %s", path, strerror(errno));
        return error_advise(err, "both executables must lie in one folder");
}
