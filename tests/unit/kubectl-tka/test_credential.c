#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kubectl-tka/credential.h"
#include "kubectl-tka/exec_info.h"
#include "lib/memory.h"
#include "schema/exec_credential.h"
#include "tests/unit/test.h"

static bool read_words(const char *words, struct credential_arguments *arguments)
{
        static char copy[512];
        char *argv[32] = { NULL };
        int argc = 0;

        snprintf(copy, sizeof(copy), "%s", words);
        for (char *at = copy; *at && argc < 31; argc++) {
                argv[argc] = at;
                at += strcspn(at, " ");
                if (*at)
                        *at++ = '\0';
        }
        return credential_arguments_read(argc, argv, arguments);
}

TEST(reads_what_login_writes_into_a_kubeconfig)
{
        struct credential_arguments arguments = { 0 };

        assert_true(read_words("credential --server http://tka --ca-hash ab --cluster prod --role "
                               "view --cache none --insecure-plain-http --node-id 7 "
                               "--tailscale-socket /run/ts.sock",
                               &arguments));
        assert_string_equal(arguments.key.server, "http://tka");
        assert_string_equal(arguments.key.ca_hash, "ab");
        assert_string_equal(arguments.key.cluster, "prod");
        assert_string_equal(arguments.key.role, "view");
        assert_int_equal(arguments.tiers, 0);
}

TEST(has_a_cache_and_no_role_unless_told)
{
        struct credential_arguments arguments = { 0 };

        assert_true(read_words("credential --server=http://tka --ca-hash=ab --cluster=prod",
                               &arguments));
        assert_string_equal(arguments.key.role, "");
        assert_int_equal(arguments.tiers, 7);
}

TEST(leaves_unclear_arguments_to_the_option_tables)
{
        static const char *const rows[] = {
                "credential",
                "credential --server http://tka --ca-hash ab",
                "credential --server http://tka --ca-hash ab --cluster",
                "credential --server http://tka --ca-hash ab --cluster c --cache cloud",
                "credential --server http://tka --ca-hash ab --cluster c --unknown",
                "credential --server http://tka --ca-hash ab --cluster c word",
                "credential --server http://tka --ca-hash ab --cluster c --help",
                "credential --serve http://tka --ca-hash ab --cluster c",
                "credential --server http://tka --ca-hash ab --cluster c --insecure-plain-http=1",
        };
        struct credential_arguments arguments = { .tiers = 7 };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
                assert_false(read_words(rows[i], &arguments));
        assert_null(arguments.key.server);
}

/* Stops the process's timer, and says what was left of it. */
static int64_t stop_timer(void)
{
        const struct itimerval none = { 0 };
        struct itimerval left = { 0 };

        setitimer(ITIMER_REAL, &none, &left);
        return left.it_value.tv_sec * 1000 + left.it_value.tv_usec / 1000;
}

TEST(the_cache_too_is_read_within_a_last_deadline)
{
        struct error err = { 0 };
        bool answered = false;

        assert_ok(credential_from_cache(0, NULL, &answered, &err));

        assert_in_range(stop_timer(), 1000, 10300);
        assert_false(answered);
}

TEST(the_second_executable_has_the_time_that_the_first_has_left)
{
        const struct itimerval spent = { .it_value = { .tv_sec = 6 } };

        setitimer(ITIMER_REAL, &spent, NULL);

        assert_in_range(credential_set_deadline(), 1, 5700);
        assert_in_range(stop_timer(), 1, 6000);
}

TEST(a_timer_of_who_started_us_does_not_prolong_the_deadline)
{
        const struct itimerval foreign = { .it_value = { .tv_sec = 60 } };

        setitimer(ITIMER_REAL, &foreign, NULL);

        assert_int_equal(credential_set_deadline(), 10000);
        assert_in_range(stop_timer(), 1, 10300);
}

#define PATIENCE_MS 5000

/* As the second executable, with 20 ms left and nothing in sight. Never returns. */
static void wait_for_nothing(int messages)
{
        const struct itimerval left = { .it_value = { .tv_usec = 20000 } };

        dup2(messages, STDERR_FILENO);
        setitimer(ITIMER_REAL, &left, NULL);
        credential_set_deadline();
        for (;;)
                pause();
}

/* How the child ended; -1: it had to be killed. */
static int await_end(pid_t child)
{
        const struct timespec pause_ms = { .tv_nsec = 1000000 };
        int status = -1;

        for (int i = 0; i < PATIENCE_MS; i++) {
                if (waitpid(child, &status, WNOHANG) == child)
                        return status;
                nanosleep(&pause_ms, NULL);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return -1;
}

TEST(the_last_deadline_holds_where_the_alarm_was_blocked_or_ignored)
{
        int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
        sigset_t alarm;

        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        pid_t child = fork();
        if (child == 0) {
                signal(SIGALRM, SIG_IGN);
                sigprocmask(SIG_BLOCK, &alarm, NULL);
                wait_for_nothing(nothing);
        }
        int status = await_end(child);

        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), error_exit_code(ERROR_UNAVAILABLE));
        close(nothing);
}

TEST(the_last_deadline_holds_where_nobody_reads_what_is_said)
{
        int ends[2] = { -1, -1 };

        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        while (write(ends[1], "x", 1) == 1)
                continue;
        assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
        pid_t child = fork();
        if (child == 0)
                wait_for_nothing(ends[1]);

        assert_int_not_equal(await_end(child), -1);
        close(ends[0]);
        close(ends[1]);
}

TEST(answers_in_the_version_that_was_asked_for)
{
        static const struct {
                const char *info, *version;
        } rows[] = {
                { NULL,                                                     EXEC_CREDENTIAL_V1      },
                { "",                                                       EXEC_CREDENTIAL_V1      },
                { "{}\n",                                                   EXEC_CREDENTIAL_V1      },
                { "{\"apiVersion\":\"client.authentication.k8s.io/v1\"}\n", EXEC_CREDENTIAL_V1      },
                { "{\"apiVersion\":\"client.authentication.k8s.io/"
                  "v1beta1\",\"kind\":\"ExecCredential\","
                  "\"spec\":{\"interactive\":false,\"cluster\":{\"config\":{\"tka\":{}}},\"new\":["
                  "1]}}",                                  EXEC_CREDENTIAL_V1BETA1 },
        };
        struct error err = { 0 };

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                const char *version = NULL;
                assert_ok(exec_info_read(rows[i].info, &version, &err));
                assert_string_equal(version, rows[i].version);
        }
}

TEST(refuses_versions_it_does_not_speak_and_what_is_no_json)
{
        const char *version = "untouched";
        struct error err = { 0 };

        assert_fails(exec_info_read("{\"apiVersion\":\"client.authentication.k8s.io/v1alpha1\"}",
                                    &version, &err),
                     ERROR_INVALID, "v1alpha1");
        assert_fails(exec_info_read("{", &version, &err), ERROR_INVALID, "KUBERNETES_EXEC_INFO");
        assert_fails(exec_info_read("[]", &version, &err), ERROR_INVALID, "KUBERNETES_EXEC_INFO");
        assert_string_equal(version, "untouched");
}
