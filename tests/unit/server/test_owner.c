#include "server/owner.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

/* A connection of ours to ourselves, and a socket beside it that stands for tailscaled's. */
struct fixture {
        int listener, unix_listener, client;
        struct sockaddr_in peer, local;
        char path[64];
};

static void set_up(struct fixture *fixture)
{
        struct sockaddr_un unix_address = { .sun_family = AF_UNIX };
        socklen_t length = sizeof(fixture->local);

        *fixture = (struct fixture){
                .local = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }
        };
        fixture->listener = socket(AF_INET, SOCK_STREAM, 0);
        fixture->client = socket(AF_INET, SOCK_STREAM, 0);
        fixture->unix_listener = socket(AF_UNIX, SOCK_STREAM, 0);
        assert(fixture->listener >= 0 && fixture->client >= 0 && fixture->unix_listener >= 0);
        assert_int_equal(
                bind(fixture->listener, (struct sockaddr *)&fixture->local, sizeof(fixture->local)),
                0);
        assert_int_equal(listen(fixture->listener, 1), 0);
        getsockname(fixture->listener, (struct sockaddr *)&fixture->local, &length);
        assert_int_equal(connect(fixture->client, (struct sockaddr *)&fixture->local, length), 0);
        getsockname(fixture->client, (struct sockaddr *)&fixture->peer, &length);
        snprintf(fixture->path, sizeof(fixture->path), "/tmp/test_owner.%d", (int)getpid());
        snprintf(unix_address.sun_path, sizeof(unix_address.sun_path), "%s", fixture->path);
        unlink(fixture->path);
        assert_int_equal(bind(fixture->unix_listener, (struct sockaddr *)&unix_address,
                              sizeof(unix_address)),
                         0);
        assert_int_equal(listen(fixture->unix_listener, 8), 0);
}

static void tear_down(struct fixture *fixture)
{
        close(fixture->client);
        close(fixture->listener);
        close(fixture->unix_listener);
        unlink(fixture->path);
}

TEST(knows_a_connection_of_the_user_that_runs_tailscaled)
{
        struct fixture fixture;

        set_up(&fixture);
        assert_true(owner_is_tailscaled((struct sockaddr *)&fixture.peer,
                                        (struct sockaddr *)&fixture.local, fixture.path));
        tear_down(&fixture);
}

TEST(does_not_know_what_cannot_be_told)
{
        struct fixture fixture;

        set_up(&fixture);
        assert_false(owner_is_tailscaled((struct sockaddr *)&fixture.peer,
                                         (struct sockaddr *)&fixture.local, "/tmp/none"));
        fixture.peer.sin_port = (in_port_t)(fixture.peer.sin_port + 1);
        assert_false(owner_is_tailscaled((struct sockaddr *)&fixture.peer,
                                         (struct sockaddr *)&fixture.local, fixture.path));
        tear_down(&fixture);
}
