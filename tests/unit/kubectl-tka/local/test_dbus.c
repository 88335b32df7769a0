#include "kubectl-tka/local/dbus.h"

#include <stdlib.h>

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
