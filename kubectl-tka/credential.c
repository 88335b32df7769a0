#include "kubectl-tka/credential.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "kubectl-tka/exec_info.h"
#include "kubectl-tka/local/cache.h"
#include "kubectl-tka/local/failure.h"
#include "kubectl-tka/local/journal.h"
#include "kubectl-tka/local/mark.h"
#include "kubectl-tka/local/receipt.h"
#include "kubectl-tka/local/tailnet.h"
#include "kubectl-tka/local/token.h"
#include "kubectl-tka/output.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/timestamp.h"
#include "schema/exec_credential.h"

#define SPARE_MS 15000 /* after a failed renewal the old token serves alone for so long */
#define DEADLINE_MS 10000
#define LAST_MS 10300
#define KILL_MS 200 /* after the last */

/* What is read from the arguments. The rest matters only to who asks the server. */
enum value { VALUE_SERVER, VALUE_CA_HASH, VALUE_CLUSTER, VALUE_ROLE, VALUE_CACHE, VALUE_OTHER };

static const struct {
        const char *flag;
        bool alone; /* no value follows */
        enum value value;
} flags[] = {
        { "--server",              false, VALUE_SERVER  },
        { "--ca-hash",             false, VALUE_CA_HASH },
        { "--cluster",             false, VALUE_CLUSTER },
        { "--role",                false, VALUE_ROLE    },
        { "--cache",               false, VALUE_CACHE   },
        { "--config",              false, VALUE_OTHER   },
        { "--tailscale-socket",    false, VALUE_OTHER   },
        { "--server-tags",         false, VALUE_OTHER   },
        { "--node-id",             false, VALUE_OTHER   },
        { "--insecure-plain-http", true,  VALUE_OTHER   },
};

/* Takes one flag with its value, "--role view" or "--role=view"; 0: not one of ours. */
static int take_flag(int left, char **argv, const char *values[VALUE_OTHER + 1])
{
        size_t length = strcspn(argv[0], "=");

        for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
                if (strlen(flags[i].flag) != length || strncmp(argv[0], flags[i].flag, length) != 0)
                        continue;
                if (flags[i].alone)
                        return argv[0][length] == '\0';
                if (argv[0][length] == '=') {
                        values[flags[i].value] = argv[0] + length + 1;
                        return 1;
                }
                if (left < 2)
                        return 0;
                values[flags[i].value] = argv[1];
                return 2;
        }
        return 0;
}

bool credential_arguments_read(int argc, char **argv, struct credential_arguments *arguments)
{
        const char *values[VALUE_OTHER + 1] = { NULL };
        unsigned tiers = 0;
        int taken = 0;

        for (int at = 1; at < argc; at += taken) {
                taken = take_flag(argc - at, argv + at, values);
                if (taken == 0)
                        return false;
        }
        if (!values[VALUE_SERVER] || !values[VALUE_CA_HASH] || !values[VALUE_CLUSTER])
                return false;
        if (!cache_mode_parse(values[VALUE_CACHE] ? values[VALUE_CACHE] : "auto", &tiers))
                return false;
        *arguments = (struct credential_arguments){
                .key = { .server = values[VALUE_SERVER],
                        .ca_hash = values[VALUE_CA_HASH],
                        .cluster = values[VALUE_CLUSTER],
                        .role = values[VALUE_ROLE] ? values[VALUE_ROLE] : "" },
                .tiers = tiers,
        };
        return true;
}

bool credential_print(const char *api_version, const struct cache_entry *entry, int64_t now,
                      struct error *err)
{
        scoped(buf_clear) struct buf text = { 0 };

        exec_credential_print(api_version, &entry->token, token_reported_end(entry, now), &text);
        return output_write(&text, err);
}

/* Not that of the node this machine was before. */
static bool is_own(const struct cache_entry *entry)
{
        scoped_free char *shown = tailnet_addresses();

        return tailnet_is_same(entry->addresses, shown);
}

/* A client that is known to come again only after a refusal says what it is. */
static bool is_refused(const struct cache_key *key, const struct cache_entry *entry)
{
        struct parent parent;
        bool refused = false;

        if (!exec_info_is_given())
                return false;
        parent_read(&parent);
        receipt_exchange(key, &parent, entry, &refused);
        return refused;
}

/* Said once already to who runs us: the exit code alone. */
static bool recall_failure(const struct cache_key *key, struct error *err)
{
        struct parent parent;

        parent_read(&parent);
        if (!failure_recall(key, &parent, err))
                return false;
        journal_add("told to this client already: %s", err->text);
        err->text[0] = '\0';
        return true;
}

bool credential_refuse(const struct cache_key *key, struct error *err)
{
        struct parent parent;

        if (recall_failure(key, err))
                return false;
        parent_read(&parent);
        failure_note(key, &parent, err);
        return false;
}

/* Arguments that say no key are one by their words. */
static void join_words(int argc, char **argv, struct buf *words)
{
        for (int i = 1; i < argc; i++) {
                buf_add(words, argv[i]);
                buf_add(words, "\n");
        }
}

void credential_tell_once(int argc, char **argv, struct error *err)
{
        scoped(buf_clear) struct buf words = { 0 };
        struct credential_arguments arguments = {
                .key = { .server = "", .ca_hash = "", .cluster = "", .role = "" }
        };

        if (!credential_arguments_read(argc, argv, &arguments)) {
                join_words(argc, argv, &words);
                arguments.key.cluster = buf_text(&words);
        }
        (void)!credential_refuse(&arguments.key, err);
}

/* Nothing fresh, but while the server does not answer it need not be asked at every call. */
static bool is_spare(const struct cache_key *key, const struct cache_entry *entry, int64_t now)
{
        struct error lately = { 0 };

        return !secret_is_empty(&entry->token) && token_is_alive(entry, now) && is_own(entry) &&
               failure_since(key, parent_clock_ms() - SPARE_MS, &lately) &&
               lately.kind == ERROR_UNAVAILABLE;
}

static void give_up(int number)
{
        static const char words[] = "kubectl-tka: no answer within 10 s\n";

        (void)number;
        _exit(write(STDERR_FILENO, words, sizeof(words) - 1) < 0
                      ? 1
                      : error_exit_code(ERROR_UNAVAILABLE));
}

static int64_t milliseconds(const struct itimerval *timer)
{
        return timer->it_value.tv_sec * 1000 + timer->it_value.tv_usec / 1000;
}

/* SIGKILL reaches also what no signal with a handler wakes: a call into a dead file server, or the
 * line of give_up() itself where nobody reads it. Such a timer ends with execve(2). */
static void kill_after(const struct itimerval *left)
{
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
        int64_t left_ms = milliseconds(left) + KILL_MS;
        const struct itimerspec end = {
                .it_value = { .tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000 }
        };
        timer_t timer;

        if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
                timer_settime(timer, 0, &end, NULL);
}

/* Whatever who started us did with the signal. */
static void hear_alarm(void)
{
        const struct sigaction action = { .sa_handler = give_up };
        sigset_t alarm;

        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        sigaction(SIGALRM, &action, NULL);
        sigprocmask(SIG_UNBLOCK, &alarm, NULL);
}

int64_t credential_set_deadline(void)
{
        const struct itimerval whole = {
                .it_value = { .tv_sec = LAST_MS / 1000, .tv_usec = LAST_MS % 1000 * 1000L }
        };
        struct itimerval left = { 0 };

        hear_alarm();
        getitimer(ITIMER_REAL, &left);
        if (!timerisset(&left.it_value) || timercmp(&left.it_value, &whole.it_value, >)) {
                setitimer(ITIMER_REAL, &whole, NULL);
                left = whole;
        }
        kill_after(&left);
        return milliseconds(&left) - (LAST_MS - DEADLINE_MS);
}

bool credential_from_cache(int argc, char **argv, bool *answered, struct error *err)
{
        struct credential_arguments arguments = { 0 };
        const char *api_version = NULL;
        scoped(cache_entry_clear) struct cache_entry entry = { 0 };
        struct error miss = { 0 };
        int64_t now = timestamp_now();

        credential_set_deadline();
        if (!credential_arguments_read(argc, argv, &arguments))
                return true;
        if (!exec_info_read(getenv("KUBERNETES_EXEC_INFO"), &api_version, err) ||
            !mark_check(&arguments.key, err))
                return credential_refuse(&arguments.key, err);
        file_forbid_core_dumps();

        bool found = cache_read(arguments.tiers, &arguments.key, &entry, &miss);
        bool usable = found && ((token_is_fresh(&entry, now) && is_own(&entry)) ||
                                is_spare(&arguments.key, &entry, now));
        if (!usable)
                return !recall_failure(&arguments.key, err);
        if (is_refused(&arguments.key, &entry)) {
                if (recall_failure(&arguments.key, err))
                        return false;
                journal_add("the client came again for the token it has: it is asked for anew");
                return true;
        }
        if (!credential_print(api_version, &entry, now, err))
                return false;
        journal_add("%s: answered from the cache", arguments.key.cluster);
        *answered = true;
        return true;
}
