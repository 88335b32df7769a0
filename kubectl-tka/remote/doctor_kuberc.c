#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kubectl-tka/remote/doctor.h"
#include "kubectl-tka/search_path.h"
#include "lib/file.h"
#include "lib/limits.h"
#include "lib/memory.h"
#include "lib/yaml.h"

/* As kubectl looks for what it runs: a name in PATH, a path as it stands. */
static char *resolve(const char *command)
{
        if (!strchr(command, '/'))
                return search_path_find(getenv("PATH"), command);
        return access(command, X_OK) == 0 ? xstrdup(command) : NULL;
}

/* The same text, or both lead to one path; links are not followed. */
static bool is_same_command(const char *allowed, const char *command)
{
        scoped_free char *one = resolve(allowed);
        scoped_free char *other = resolve(command);

        return strcmp(allowed, command) == 0 || (one && other && strcmp(one, other) == 0);
}

static bool allows(const json_t *kuberc, const char *command)
{
        const char *policy = json_text_at(kuberc, "credentialPluginPolicy");
        size_t index = 0;
        const json_t *entry = NULL;

        if (!policy || strcmp(policy, "AllowAll") == 0)
                return true;
        if (strcmp(policy, "Allowlist") != 0)
                return false;
        json_array_foreach(json_object_get(kuberc, "credentialPluginAllowlist"), index, entry)
        {
                const char *allowed = json_text_at(entry, "command");
                if (!allowed)
                        allowed = json_text_at(entry, "name"); /* as kubectl 1.35 has it */
                if (allowed && is_same_command(allowed, command))
                        return true;
        }
        return false;
}

/* KUBERC, else ~/.kube/kuberc; the caller's. NULL: switched off. */
static char *find_kuberc(void)
{
        const char *given = getenv("KUBERC");
        const char *home = getenv("HOME");

        if (given && *given)
                return strcmp(given, "off") == 0 ? NULL : xstrdup(given);
        return home ? xasprintf("%s/.kube/kuberc", home) : NULL;
}

static void judge(struct doctor *doctor, const char *path, const json_t *kuberc,
                  const char *command)
{
        scoped_free char *mend =
                xasprintf("add \"command: %s\" to its credentialPluginAllowlist", command);

        if (allows(kuberc, command))
                doctor_say(doctor, DOCTOR_OK, NULL, "%s allows %s", path, command);
        else
                doctor_say(doctor, DOCTOR_FAIL, mend, "%s keeps kubectl from running %s", path,
                           command);
}

/* What the contexts run; without one, what login would write. */
static void judge_commands(struct doctor *doctor, const char *path, const json_t *kuberc)
{
        scoped(text_list_clear) struct text_list commands = { 0 };

        for (size_t i = 0; i < doctor->book.known.count; i++) {
                const char *command = doctor_command_of(doctor, &doctor->book.known.items[i]);
                if (command && !text_list_has(&commands, command))
                        text_list_add(&commands, command);
        }
        if (commands.count == 0)
                text_list_add(&commands, PLUGIN);
        for (size_t i = 0; i < commands.count; i++)
                judge(doctor, path, kuberc, commands.items[i]);
}

void doctor_check_kuberc(struct doctor *doctor)
{
        scoped_free char *path = find_kuberc();
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *kuberc = NULL;
        struct error problem = { 0 };

        buf_init(&text, LIMIT_CONFIG_FILE);
        if (!path || (!file_read(path, &text, &problem) && problem.kind == ERROR_NOT_FOUND)) {
                doctor_say(doctor, DOCTOR_OK, NULL, "there is none");
        } else if (text.length > 0 &&
                   !yaml_parse(buf_text(&text), text.length, &kuberc, &problem)) {
                error_wrap(&problem, "%s", path);
                doctor_say_error(doctor, DOCTOR_WARN, &problem);
        } else {
                judge_commands(doctor, path, kuberc);
        }
}
