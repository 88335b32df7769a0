/* spawn.c - what `make bench` times: starting a program and waiting for its end.
 *
 *   spawn ROUNDS PROGRAM ARGUMENT... -- PROGRAM ARGUMENT...
 *
 * Starts both in every round, in turns the one and the other first, and prints their nanoseconds, a
 * line a round; then the most KiB each was resident with. Both run with no input, their output goes
 * to /dev/null. Each is started by a process of its own, as by one kubectl after the other: the
 * plugin knows its clients apart. Small itself on purpose: the kernel counts what the starting
 * process had resident.
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

/* What a client of the program reports. */
struct report {
        long long took_ns;
        long resident_kib;
        int status;
};

static struct report be_client(char **argv, const posix_spawn_file_actions_t *actions)
{
        struct report report = { .status = -1 };
        struct rusage usage = { 0 };
        pid_t pid = 0;
        long long begun_ns = now_ns();
        int code = posix_spawn(&pid, argv[0], actions, NULL, argv, environ);

        if (code != 0 || wait4(pid, &report.status, 0, &usage) != pid)
                fprintf(stderr, "spawn: %s: %s\n", argv[0], strerror(code));
        report.took_ns = now_ns() - begun_ns;
        report.resident_kib = usage.ru_maxrss;
        return report;
}

static bool start(struct subject *subject, const posix_spawn_file_actions_t *actions)
{
        struct report report = { .status = -1 };
        int ends[2];
        pid_t client = pipe2(ends, O_CLOEXEC) == 0 ? fork() : -1;

        if (client < 0)
                return false;
        if (client == 0) {
                report = be_client(subject->argv, actions);
                _exit(write(ends[1], &report, sizeof(report)) != (ssize_t)sizeof(report));
        }
        close(ends[1]);
        bool told = read(ends[0], &report, sizeof(report)) == (ssize_t)sizeof(report);
        close(ends[0]);
        waitpid(client, NULL, 0);
        subject->took_ns = report.took_ns;
        if (report.resident_kib > subject->resident_kib)
                subject->resident_kib = report.resident_kib;
        if (told && report.status != 0)
                fprintf(stderr, "spawn: %s ended with status %d\n", subject->argv[0],
                        report.status);
        return told && report.status == 0;
}

static bool run(struct subject subjects[2], long rounds)
{
        posix_spawn_file_actions_t actions;
        bool fine = true;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        for (long i = 0; fine && i < rounds; i++) {
                fflush(stdout); /* nothing in it for a client to write once more */
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
