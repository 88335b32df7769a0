/* node-pause.c - holds a pod's namespaces: does nothing, reaps what is left to it, ends when asked.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number)
{
        (void)number;
        _exit(0);
}

static void reap(int number)
{
        (void)number;
        while (waitpid(-1, NULL, WNOHANG) > 0)
                continue;
}

int main(void)
{
        signal(SIGINT, end);
        signal(SIGTERM, end);
        signal(SIGCHLD, reap);
        for (;;)
                pause();
}
