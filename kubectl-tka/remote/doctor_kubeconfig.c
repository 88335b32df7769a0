#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "kubectl-tka/local/kubeconfig_paths.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/remote/doctor.h"
#include "lib/memory.h"
#include "lib/timestamp.h"

#define STALE_SECONDS 5

static bool is_plugin(const char *command)
{
        return command && strcmp(basename(command), PLUGIN) == 0;
}

const char *doctor_command_of(const struct doctor *doctor, const struct target *target)
{
        size_t file = 0;
        const json_t *context =
                kubeconfig_files_find(&doctor->files, "contexts", target->context, &file);
        const char *name = json_text_at(context, "context.user");
        const json_t *user =
                name ? kubeconfig_files_find(&doctor->files, "users", name, &file) : NULL;

        return json_text_at(user, "user.exec.command");
}

/* The user that the context leads to must run us. */
static bool check_context(struct doctor *doctor, const struct target *target)
{
        scoped_free char *command = mark_login_command(&target->key);

        if (is_plugin(doctor_command_of(doctor, target)))
                return true;
        doctor_say(doctor, DOCTOR_FAIL, command, "the user of context \"%s\" does not run " PLUGIN,
                   target->context);
        return false;
}

void doctor_check_kubeconfig(struct doctor *doctor)
{
        size_t good = 0;

        if (!doctor->files.documents) /* it has been told why */
                return;
        for (size_t i = 0; i < doctor->book.known.count; i++)
                good += check_context(doctor, &doctor->book.known.items[i]);
        if (good > 0 || doctor->book.known.count == 0)
                doctor_say(doctor, DOCTOR_OK, NULL, "contexts of ours: %zu; the current one is %s",
                           good,
                           doctor->files.current_context ? doctor->files.current_context
                                                         : "not set");
}

static bool check_lock(struct doctor *doctor, const char *kubeconfig)
{
        scoped_free char *path = xasprintf("%s.lock", kubeconfig);
        scoped_free char *mend = xasprintf("if no kubectl is running: rm %s", path);
        struct stat found = { 0 };
        int64_t age = 0;

        if (lstat(path, &found) != 0)
                return true;
        age = timestamp_now() - found.st_mtim.tv_sec;
        if (age < STALE_SECONDS)
                return true;
        doctor_say(doctor, DOCTOR_FAIL, mend, "%s is %lld s old: a crash may have left it", path,
                   (long long)age);
        return false;
}

void doctor_check_locks(struct doctor *doctor)
{
        scoped(text_list_clear) struct text_list paths = { 0 };
        bool free = true;

        kubeconfig_paths(doctor->config->kubeconfig, &paths);
        for (size_t i = 0; i < paths.count; i++)
                free = check_lock(doctor, paths.items[i]) && free;
        if (free)
                doctor_say(doctor, DOCTOR_OK, NULL, "no kubeconfig is locked");
}
