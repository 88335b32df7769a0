#include "lib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/memory.h"

#define GRACE_SECONDS 5

static const int held[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };

/* The terminal as it was before the child had it. */
struct terminal {
        int fd; /* -1: there is none, or we do not have it */
        pid_t group;
        struct termios mode;
};

/* What a running child is known by. */
struct run {
        const struct child *child;
        pid_t pid;
        int64_t kill_at; /* of the monotonic clock, 0: not asked to end */
        struct terminal terminal;
};

static void fill_held(sigset_t *set)
{
        sigemptyset(set);
        for (size_t i = 0; i < ARRAY_LENGTH(held); i++)
                sigaddset(set, held[i]);
}

static bool is_ignored(int number)
{
        struct sigaction action = { 0 };

        return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void child_hold_signals(sigset_t *before)
{
        sigset_t set;

        fill_held(&set);
        for (size_t i = 0; i < ARRAY_LENGTH(held); i++) /* as under nohup */
                if (is_ignored(held[i]))
                        sigdelset(&set, held[i]);
        sigaddset(&set, SIGCHLD);
        sigaddset(&set, SIGTTOU);
        sigprocmask(SIG_BLOCK, &set, before);
}

int child_take_signal(void)
{
        const struct timespec at_once = { 0 };
        sigset_t set;

        fill_held(&set);
        sigdelset(&set, SIGWINCH);
        int number = sigtimedwait(&set, NULL, &at_once);
        return number > 0 ? number : 0;
}

void child_release_signals(const sigset_t *before)
{
        while (child_take_signal() != 0)
                continue;
        sigprocmask(SIG_SETMASK, before, NULL);
}

static int64_t now_seconds(void)
{
        struct timespec now = { 0 };

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec;
}

static void open_terminal(struct terminal *terminal)
{
        terminal->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        terminal->group = getpgrp();
        if (terminal->fd < 0 || (tcgetpgrp(terminal->fd) == terminal->group &&
                                 tcgetattr(terminal->fd, &terminal->mode) == 0))
                return;
        close(terminal->fd);
        terminal->fd = -1;
}

/* A shell gives the terminal back when it ends, unless it was killed. */
static void take_terminal_back(struct terminal *terminal, bool killed)
{
        if (terminal->fd < 0)
                return;
        if (tcgetpgrp(terminal->fd) != terminal->group)
                tcsetpgrp(terminal->fd, terminal->group);
        if (killed)
                tcsetattr(terminal->fd, TCSADRAIN, &terminal->mode);
        close(terminal->fd);
        terminal->fd = -1;
}

/* In the child. What exec does not allow is told through the pipe, which a success closes. */
static _Noreturn void become(const struct child *child, pid_t parent, int pipe_end)
{
        prctl(PR_SET_PDEATHSIG, SIGHUP);
        signal(SIGPIPE, SIG_DFL); /* the loop ignores it, and exec would pass that on */
        sigprocmask(SIG_SETMASK, child->signals, NULL);
        if (getppid() == parent)
                execvp(child->argv[0], child->argv);

        int reason = errno;
        ssize_t told = write(pipe_end, &reason, sizeof(reason));
        _exit(told == sizeof(reason) ? 127 : 126);
}

static bool explain(const char *name, int reason, struct error *err)
{
        enum error_kind kind = reason == ENOENT   ? ERROR_NOT_FOUND
                               : reason == EACCES ? ERROR_DENIED
                                                  : ERROR_INTERNAL;

        return error_set(err, kind, "starting \"%s\": %s", name, strerror(reason));
}

static bool start(struct run *run, struct error *err)
{
        const char *name = run->child->argv[0];
        pid_t parent = getpid();
        int ends[2];
        int reason = 0;

        if (pipe2(ends, O_CLOEXEC) != 0)
                return explain(name, errno, err);
        run->pid = fork();
        if (run->pid == 0)
                become(run->child, parent, ends[1]);
        int fork_reason = errno;
        close(ends[1]);
        ssize_t told = run->pid > 0 ? read(ends[0], &reason, sizeof(reason)) : 0;
        close(ends[0]);
        if (run->pid < 0)
                return explain(name, fork_reason, err);
        if (told <= 0)
                return true;
        while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        return explain(name, reason, err);
}

/* A shell that suspended itself, in a process group of its own: whoever started us is to have the
 * terminal. One in our group was stopped by a key, as we were. */
static void stop_too(const struct run *run)
{
        pid_t group = getpgid(run->pid);

        if (group == run->terminal.group)
                return;
        if (run->terminal.fd >= 0)
                tcsetpgrp(run->terminal.fd, run->terminal.group);
        kill(getpid(), SIGSTOP);
        if (run->terminal.fd >= 0)
                tcsetpgrp(run->terminal.fd, group);
        kill(-group, SIGCONT);
}

static bool has_ended(const struct run *run, int *status)
{
        int state = 0;

        while (waitpid(run->pid, &state, WNOHANG | WUNTRACED) == run->pid) {
                if (WIFSTOPPED(state)) {
                        stop_too(run);
                        continue;
                }
                *status = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
                return true;
        }
        return false;
}

/* The terminal's own signals have reached the child already. */
static void pass_on(struct run *run, int number, int code)
{
        bool ends = number == SIGTERM || number == SIGHUP;

        if (code == SI_KERNEL && number != SIGHUP)
                return;
        kill(run->pid, number);
        if (!ends)
                return;
        kill(run->pid, SIGCONT);
        if (run->child->is_shell)
                kill(run->pid, SIGHUP);
        if (run->kill_at == 0)
                run->kill_at = now_seconds() + GRACE_SECONDS;
}

static void await(struct run *run, int *status)
{
        const struct timespec second = { .tv_sec = 1 };
        sigset_t set;

        fill_held(&set);
        sigaddset(&set, SIGCHLD);
        while (!has_ended(run, status)) {
                siginfo_t came = { 0 };
                int number = sigtimedwait(&set, &came, run->kill_at ? &second : NULL);
                if (number > 0 && number != SIGCHLD)
                        pass_on(run, number, came.si_code);
                if (run->kill_at != 0 && now_seconds() >= run->kill_at)
                        kill(run->pid, SIGKILL);
        }
}

bool child_run(const struct child *child, int *status, struct error *err)
{
        struct run run = { .child = child };
        int ended = 0;

        open_terminal(&run.terminal);
        if (!start(&run, err)) {
                take_terminal_back(&run.terminal, false);
                return false;
        }
        await(&run, &ended);
        take_terminal_back(&run.terminal, ended > 128);
        *status = ended;
        return true;
}
