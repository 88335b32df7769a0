#include "kubectl-tka/exec_remote.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/memory.h"

#define REMOTE "kubectl-tka-remote"

char *exec_remote_beside(const char *name)
{
        char self[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (length <= 0)
                return NULL;
        self[length] = '\0';
        *(strrchr(self, '/') + 1) = '\0';
        return xasprintf("%s%s", self, name);
}

bool exec_remote(char **argv, struct error *err)
{
        scoped_free char *path = exec_remote_beside(REMOTE);

        if (!path)
                return error_set(err, ERROR_INTERNAL, "reading /proc/self/exe: %s",
                                 strerror(errno));
        execv(path, argv);
        error_set(err, ERROR_INTERNAL, "starting \"%s\": %s", path, strerror(errno));
        return error_advise(err, "both executables must lie in one folder");
}
