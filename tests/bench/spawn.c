/* spawn.c - what `make bench` times: starting a program and waiting for its end.
 *
 *   spawn ROUNDS PROGRAM ARGUMENT... -- PROGRAM ARGUMENT...
 *
 * Starts both in every round, in turns the one and the other first, and prints their nanoseconds, a
 * line a round; then the most KiB each was resident with. Both run with no input, their output goes
 * to /dev/null. Small itself on purpose: the kernel counts what the starting process had resident.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct subject {
        char **argv;
        long long took_ns;
        long resident_kib;
};

static long long now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool start(struct subject *subject, const posix_spawn_file_actions_t *actions)
{
        struct rusage usage;
        pid_t pid = 0;
        int status = 0;
        long long begun_ns = now_ns();
        int code = posix_spawn(&pid, subject->argv[0], actions, NULL, subject->argv, environ);

        if (code != 0 || wait4(pid, &status, 0, &usage) != pid) {
                fprintf(stderr, "spawn: %s: %s\n", subject->argv[0], strerror(code));
                return false;
        }
        subject->took_ns = now_ns() - begun_ns;
        if (usage.ru_maxrss > subject->resident_kib)
                subject->resident_kib = usage.ru_maxrss;
        if (status != 0)
                fprintf(stderr, "spawn: %s ended with status %d\n", subject->argv[0], status);
        return status == 0;
}

static bool run(struct subject subjects[2], long rounds)
{
        posix_spawn_file_actions_t actions;
        bool fine = true;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        for (long i = 0; fine && i < rounds; i++) {
                fine = start(&subjects[i % 2], &actions) && start(&subjects[(i + 1) % 2], &actions);
                printf("%lld %lld\n", subjects[0].took_ns, subjects[1].took_ns);
        }
        posix_spawn_file_actions_destroy(&actions);
        printf("%ld %ld\n", subjects[0].resident_kib, subjects[1].resident_kib);
        return fine;
}

int main(int argc, char **argv)
{
        struct subject subjects[2] = { 0 };
        long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

        for (int i = 2; i < argc - 1; i++)
                if (strcmp(argv[i], "--") == 0 && subjects[1].argv == NULL) {
                        argv[i] = NULL;
                        subjects[1].argv = argv + i + 1;
                }
        if (rounds < 1 || subjects[1].argv == NULL || argv[2] == NULL) {
                fprintf(stderr,
                        "usage: spawn ROUNDS PROGRAM [ARGUMENT...] -- PROGRAM [ARGUMENT...]\n");
                return EXIT_FAILURE;
        }
        subjects[0].argv = argv + 2;
        return run(subjects, rounds) ? EXIT_SUCCESS : EXIT_FAILURE;
}
