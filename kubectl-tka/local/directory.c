#include "kubectl-tka/local/directory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/memory.h"

#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

/* Relative values are ignored, as the XDG specification asks. */
static char *find(const char *variable, const char *below_home)
{
        const char *base = getenv(variable);
        const char *home = getenv("HOME");

        if (base != NULL && base[0] == '/')
                return xasprintf("%s/tka", base);
        if (home != NULL && home[0] == '/')
                return xasprintf("%s/%s/tka", home, below_home);
        return NULL;
}

char *directory_cache(void)
{
        const char *kubectls = getenv("KUBECACHEDIR");

        return find(kubectls && kubectls[0] == '/' ? "KUBECACHEDIR" : "XDG_CACHE_HOME", ".cache");
}

const char *directory_shell(void)
{
        const char *shell = getenv(DIRECTORY_SHELL_VARIABLE);

        return shell != NULL && shell[0] == '/' ? shell : NULL;
}

bool directory_shell_is_over(void)
{
        const char *shell = directory_shell();
        scoped_free char *kubeconfig =
                shell != NULL ? xasprintf("%s/" DIRECTORY_SHELL_KUBECONFIG, shell) : NULL;

        return kubeconfig != NULL && access(kubeconfig, F_OK) != 0;
}

static char *find_runtime(void)
{
        const char *base = getenv("XDG_RUNTIME_DIR");
        struct stat found;

        if (base == NULL || base[0] != '/' || stat(base, &found) != 0 || !S_ISDIR(found.st_mode) ||
            found.st_uid != geteuid())
                return NULL;
        return xasprintf("%s/tka", base);
}

/* Never made anew: what lay there has ended with the shell. */
static char *find_in_shell(const char *name)
{
        return directory_shell_is_over() ? NULL : xasprintf("%s/%s", directory_shell(), name);
}

char *directory_runtime(void)
{
        return directory_shell() != NULL ? find_in_shell("run") : find_runtime();
}

char *directory_shells(void)
{
        scoped_free char *runtime = find_runtime();
        scoped_free char *cache = directory_cache();
        const char *base = runtime != NULL ? runtime : cache;

        return base != NULL ? xasprintf("%s/shells", base) : NULL;
}

char *directory_state(void)
{
        if (directory_shell() != NULL)
                return find_in_shell("state");
        return find("XDG_STATE_HOME", ".local/state");
}

char *directory_config(void)
{
        return find("XDG_CONFIG_HOME", ".config");
}

/* FNV-1a; the NUL that ends each part is hashed too. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
        do
                hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
        while (*text++ != '\0');
        return hash;
}

uint64_t directory_hash(const char *text)
{
        return hash_text(FNV_OFFSET, text);
}

char *directory_file(const char *directory, const char *const *parts, size_t count,
                     const char *suffix)
{
        uint64_t hash = FNV_OFFSET;

        for (size_t i = 0; i < count; i++)
                hash = hash_text(hash, parts[i]);
        return xasprintf("%s/%016" PRIx64 "%s", directory, hash, suffix);
}
