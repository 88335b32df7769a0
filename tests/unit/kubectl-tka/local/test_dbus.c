#include "kubectl-tka/local/dbus.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/memory.h"
#include "tests/unit/test.h"

TEST(of_the_addresses_of_the_session_bus_only_sockets_count)
{
        static const struct {
                const char *given, *kept; /* NULL: none */
        } cases[] = {
                { "unix:path=/run/bus",                  "unix:path=/run/bus"        },
                { "unix:abstract=a,guid=0",              "unix:abstract=a,guid=0"    },
                { "unix:path=/a;unix:path=/b",           "unix:path=/a;unix:path=/b" },
                { "autolaunch:",                         NULL                        },
                { "autolaunch:;unix:path=/a",            "unix:path=/a"              },
                { "unix:path=/a;autolaunch:;",           "unix:path=/a"              },
                { "tcp:host=unix:;unixexec:path=/bin/x", NULL                        },
                { ";;",                                  NULL                        },
        };

        for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
                setenv("DBUS_SESSION_BUS_ADDRESS", cases[i].given, 1);
                scoped_free char *found = dbus_session_address();
                if (cases[i].kept)
                        assert_string_equal(found, cases[i].kept);
                else
                        assert_null(found);
        }
        unsetenv("DBUS_SESSION_BUS_ADDRESS");
}

/* Who has hung up is in its queue still. */
TEST(a_bus_that_hangs_with_a_full_queue_is_there)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        scoped(fd_close) int bus = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        scoped(dbus_close) struct dbus dbus = { .fd = -1 };
        char address[64];
        struct error err = { 0 };
        int opened = 0;

        int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "tka-%d", getpid());
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
        assert_true(bus >= 0 && bind(bus, (struct sockaddr *)&name, size) == 0 &&
                    listen(bus, 1) == 0);
        snprintf(address, sizeof(address), "unix:abstract=tka-%d", getpid());
        while (opened < 10 && dbus_open(address, 100, &dbus, &err)) {
                dbus_close(&dbus);
                opened++;
        }
        assert_int_equal(opened, 2);
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
}
