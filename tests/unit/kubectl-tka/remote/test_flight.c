#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kubectl-tka/remote/flight.h"
#include "kubectl-tka/remote/resolve.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

#include "tests/unit/kubectl-tka/folder.h"

static const struct cache_key key = { "http://tka", "ab", "prod", "" };
static const struct cache_key other = { "http://tka", "ab", "prod", "view" };

static void enter_folder(void)
{
        const char *name = folder_enter();

        assert_int_equal(unsetenv("KUBECACHEDIR"), 0);
        assert_int_equal(setenv("XDG_CACHE_HOME", name, 1), 0);
}

static void close_loop(struct loop **loop)
{
        loop_free(*loop);
}

TEST(lets_one_go_and_the_others_wait_until_their_deadline)
{
        scoped(close_loop) struct loop *loop = loop_new();
        scoped(flight_end) int first = -1;
        scoped(flight_end) int second = -1;
        scoped(flight_end) int third = -1;

        enter_folder();
        flight_begin(loop, &key, 1000, &first);
        assert_true(first >= 0);
        int64_t started_ms = loop_now_ms();
        flight_begin(loop, &key, 60, &second);
        assert_int_equal(second, -1);
        assert_in_range(loop_now_ms() - started_ms, 60, 10000);
        flight_begin(loop, &other, 60, &third);
        assert_true(third >= 0);
        flight_end(&first);
        flight_begin(loop, &key, 60, &second);
        assert_true(second >= 0);
}

TEST(goes_on_when_the_one_that_went_is_killed)
{
        scoped(close_loop) struct loop *loop = loop_new();
        scoped(flight_end) int lock = -1;
        int ready[2];
        char byte = 0;

        enter_folder();
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
                flight_begin(loop, &key, 1000, &lock);
                _exit(write(ready[1], "x", 1) != 1 || pause() != 0);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        flight_begin(loop, &key, 20, &lock);
        assert_int_equal(lock, -1);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        flight_begin(loop, &key, 1000, &lock);
        assert_true(lock >= 0);
        close(ready[0]);
        close(ready[1]);
}

TEST(goes_alone_where_no_lock_can_be)
{
        scoped(close_loop) struct loop *loop = loop_new();
        scoped(flight_end) int lock = 7;

        assert_int_equal(setenv("XDG_CACHE_HOME", "/proc/nowhere", 1), 0);
        flight_begin(loop, &key, 1000, &lock);
        assert_int_equal(lock, -1);
}

TEST(takes_an_address_for_itself_and_a_name_for_its_addresses)
{
        static const struct {
                const char *host, *address;
        } rows[] = {
                { "100.64.0.1",        "100.64.0.1"        },
                { "fd7a:115c:a1e0::1", "fd7a:115c:a1e0::1" },
                { "localhost",         "127.0.0.1"         },
        };
        scoped(close_loop) struct loop *loop = loop_new();

        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
                scoped(text_list_clear) struct text_list addresses = { 0 };
                struct error err = { 0 };
                assert_ok(resolve_host(loop, rows[i].host, 5000, &addresses, &err));
                assert_true(text_list_has(&addresses, rows[i].address));
        }
}

TEST(ends_a_lookup_that_takes_too_long)
{
        scoped(close_loop) struct loop *loop = loop_new();
        scoped(text_list_clear) struct text_list addresses = { 0 };
        struct error err = { 0 };

        assert_fails(resolve_host(loop, "host.invalid", 0, &addresses, &err), ERROR_UNAVAILABLE,
                     "no answer in time");
        assert_int_equal(addresses.count, 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}
