#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kubectl-tka/exec_remote.h"
#include "kubectl-tka/remote/doctor.h"
#include "kubectl-tka/remote/progress.h"
#include "kubectl-tka/search_path.h"
#include "lib/fd.h"
#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define DESKTOP_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
#define KUBECTL_MS 5000
#define KUBECTL_OLDEST 22 /* 1.22 speaks client.authentication.k8s.io/v1 */
#define LIMIT_KUBECTL_ANSWER 65536

/* Without the last slash; the caller's. */
static char *own_folder(void)
{
        char *folder = exec_remote_beside("");

        if (folder)
                folder[strlen(folder) - 1] = '\0';
        return folder ? folder : xstrdup("");
}

static bool is_own(const char *path)
{
        scoped_free char *own = exec_remote_beside(PLUGIN);
        struct stat one = { 0 };
        struct stat other = { 0 };

        return own && stat(path, &one) == 0 && stat(own, &other) == 0 &&
               one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/* There are contexts, and none looks for us in PATH. */
static bool is_named_by_path(const struct doctor *doctor)
{
        for (size_t i = 0; i < doctor->book.known.count; i++) {
                const char *command = doctor_command_of(doctor, &doctor->book.known.items[i]);

                if (!command || !strchr(command, '/'))
                        return false;
        }
        return doctor->book.known.count > 0;
}

void doctor_check_path(struct doctor *doctor)
{
        scoped_free char *folder = own_folder();
        scoped_free char *found = search_path_find(getenv("PATH"), PLUGIN);
        scoped_free char *on_desktop = search_path_find(DESKTOP_PATH, PLUGIN);
        scoped_free char *mend = xasprintf("add %s to PATH", folder);

        if (!found)
                doctor_say(doctor, DOCTOR_FAIL, mend, PLUGIN " is in no folder of PATH");
        else if (!is_own(found))
                doctor_say(doctor, DOCTOR_WARN, "remove one of them",
                           "kubectl runs %s, not the one in %s", found, folder);
        else
                doctor_say(doctor, DOCTOR_OK, NULL, "%s", found);
        if (!on_desktop && !is_named_by_path(doctor))
                doctor_say(doctor, DOCTOR_WARN,
                           "\"kubectl tka login --absolute\" writes the whole path",
                           "programs started from the desktop will not find " PLUGIN);
}

/* "kubectl-tka-login" is what `kubectl tka login` runs. Counts those of the folder. */
static size_t report_shadows(struct doctor *doctor, const char *folder)
{
        DIR *directory = opendir(folder);
        const struct dirent *entry = NULL;
        size_t count = 0;

        while (directory && (entry = readdir(directory))) {
                scoped_free char *path = xasprintf("%s/%s", folder, entry->d_name);
                bool begins = strncmp(entry->d_name, PLUGIN "-", strlen(PLUGIN "-")) == 0;
                if (!begins || strcmp(entry->d_name, PLUGIN "-remote") == 0 ||
                    access(path, X_OK) != 0)
                        continue;
                doctor_say(doctor, DOCTOR_WARN, "remove it, or call tka instead",
                           "%s stands in the way of \"kubectl tka %s\"", path,
                           entry->d_name + strlen(PLUGIN "-"));
                count++;
        }
        if (directory)
                closedir(directory);
        return count;
}

void doctor_check_plugins(struct doctor *doctor)
{
        const char *path = getenv("PATH");
        scoped(text_list_clear) struct text_list folders = { 0 };
        size_t count = 0;

        text_list_split(&folders, path ? path : "", ":");
        for (size_t i = 0; i < folders.count; i++)
                count += report_shadows(doctor, folders.items[i]);
        if (count == 0)
                doctor_say(doctor, DOCTOR_OK, NULL, "no other plugin stands in the way");
}

/* Its stdout is out; nothing else of it is seen. */
static bool start_program(char *const argv[], int out, pid_t *child, struct error *err)
{
        posix_spawn_file_actions_t actions;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        int problem = posix_spawn(child, argv[0], &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return problem == 0 ||
               error_set(err, ERROR_INTERNAL, "starting %s: %s", argv[0], strerror(problem));
}

static bool read_to_end(struct loop *loop, int fd, struct buf *text, struct error *err)
{
        int64_t deadline_ms = loop_now_ms() + KUBECTL_MS;
        char chunk[4096];

        for (;;) {
                if (!wait_readable(loop, fd, loop_left_ms(deadline_ms), err))
                        return false;
                ssize_t length = read(fd, chunk, sizeof(chunk));
                if (length <= 0)
                        return length == 0 ||
                               error_set(err, ERROR_INTERNAL, "reading: %s", strerror(errno));
                if (!buf_append(text, chunk, (size_t)length))
                        return error_set(err, ERROR_INVALID, "it says more than %d bytes",
                                         LIMIT_KUBECTL_ANSWER);
        }
}

/* What it writes to stdout, within the time; a program that hangs is ended. */
static bool run_program(struct loop *loop, char *const argv[], struct buf *text, struct error *err)
{
        scoped(fd_close) int out = -1;
        int ends[2];
        pid_t child = 0;

        if (pipe2(ends, O_CLOEXEC) != 0)
                return error_set(err, ERROR_INTERNAL, "making a pipe: %s", strerror(errno));
        out = ends[0];
        bool started = start_program(argv, ends[1], &child, err);
        close(ends[1]);
        if (!started)
                return false;
        bool done = read_to_end(loop, out, text, err);
        if (!done)
                kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return done;
}

/* "v1.21.3"; what is written otherwise is not judged. */
static bool is_old(const char *version)
{
        return strncmp(version, "v1.", 3) == 0 && strtol(version + 3, NULL, 10) < KUBECTL_OLDEST;
}

void doctor_check_kubectl(struct doctor *doctor)
{
        scoped_free char *path = search_path_find(getenv("PATH"), "kubectl");
        char words[][10] = { "version", "--client", "-o", "json" };
        char *argv[] = { path, words[0], words[1], words[2], words[3], NULL };
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *answer = NULL;
        struct error problem = { 0 };

        scoped(progress_stop) struct progress *progress =
                progress_start(doctor->loop, doctor->config, "asking kubectl for its version");
        buf_init(&text, LIMIT_KUBECTL_ANSWER);
        if (!path) {
                doctor_say(doctor, DOCTOR_WARN, "install it", "kubectl is in no folder of PATH");
                return;
        }
        if (!run_program(doctor->loop, argv, &text, &problem) ||
            !json_parse_object(buf_text(&text), text.length, &answer, &problem)) {
                error_wrap(&problem, "%s version", path);
                doctor_say_error(doctor, DOCTOR_WARN, &problem);
                return;
        }
        const char *version = json_text_at(answer, "clientVersion.gitVersion");
        bool old = version && is_old(version);
        doctor_say(doctor, old ? DOCTOR_FAIL : DOCTOR_OK,
                   old ? "install 1.22 or newer: older ones do not know the plugin's protocol"
                       : NULL,
                   "%s %s", path, version ? version : "of an unknown version");
}
