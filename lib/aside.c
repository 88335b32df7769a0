#include "lib/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void aside_end(struct aside *aside)
{
        if (aside->child > 0) {
                close(aside->answer);
                kill(aside->child, SIGKILL);
                while (waitpid(aside->child, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        *aside = (struct aside){ 0 };
}

/* Nothing of it is left when we end, however that is. */
static void leave_us(pid_t parent)
{
        int nothing = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        signal(SIGALRM, SIG_DFL);
        for (int fd = 0; fd <= STDERR_FILENO && nothing >= 0; fd++)
                dup2(nothing, fd);
}

bool aside_start(void (*work)(const void *what, int answer), const void *what, struct aside *aside,
                 struct error *err)
{
        pid_t parent = getpid();
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) != 0)
                return error_set(err, ERROR_INTERNAL, "making a pipe: %s", strerror(errno));
        pid_t child = fork();
        if (child == 0) {
                leave_us(parent);
                work(what, ends[1]);
                _exit(0);
        }
        int problem = errno;
        close(ends[1]);
        if (child < 0) {
                close(ends[0]);
                return error_set(err, ERROR_INTERNAL, "starting a process: %s", strerror(problem));
        }
        *aside = (struct aside){ child, ends[0] };
        return true;
}
