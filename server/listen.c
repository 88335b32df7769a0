#include "server/listen.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fiber.h"
#include "lib/http/http_server.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/memory.h"
#include "server/certificate.h"
#include "server/identity.h"
#include "server/server.h"

#define LOOPBACK "127.0.0.1" /* where tailscaled forwards the tailnet to in userspace mode */
#define FOLLOW_MS 3000
#define HURRY_MS 500 /* until it listens */
#define BOUND_MAX 16 /* listeners of one life: addresses and interfaces rarely change */

/* An interface that went and came back is another one: SO_BINDTODEVICE holds on to its number. */
struct bound {
        char address[INET6_ADDRSTRLEN];
        unsigned int interface;
};

struct listen {
        struct server *server;
        struct fiber *fiber;
        struct bound bound[BOUND_MAX];
        size_t bound_count;
        bool named; /* the node's name has been looked at */
        bool stopped;
};

static bool is_bound(const struct listen *listen, const char *address, unsigned int interface)
{
        for (size_t i = 0; i < listen->bound_count; i++)
                if (listen->bound[i].interface == interface &&
                    strcmp(listen->bound[i].address, address) == 0)
                        return true;
        return false;
}

/* interface NULL: none, its number is 0. */
static bool bind_once(struct listen *listen, const char *address, const char *interface,
                      struct error *err)
{
        struct server *server = listen->server;
        unsigned int number = interface == NULL ? 0 : if_nametoindex(interface);
        char port[16];

        if (is_bound(listen, address, number))
                return true;
        if (listen->bound_count == BOUND_MAX)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "the tailnet's address changed more than %d times, restart",
                                 BOUND_MAX);
        if (!http_server_listen_on(server->http, address, (int)server->config->port, interface,
                                   err))
                return false;

        struct bound *bound = &listen->bound[listen->bound_count++];
        snprintf(bound->address, sizeof(bound->address), "%s", address);
        bound->interface = number;
        snprintf(port, sizeof(port), "%d", (int)server->config->port);
        log_event(LOG_LEVEL_INFO, "listening", "address", address, "port", port, "interface",
                  interface, NULL);
        return true;
}

static bool has_address(const struct ifaddrs *interface, const char *address)
{
        char text[NI_MAXHOST];
        const struct sockaddr *held = interface->ifa_addr;

        if (held == NULL || (held->sa_family != AF_INET && held->sa_family != AF_INET6))
                return false;
        return getnameinfo(held,
                           held->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                      : sizeof(struct sockaddr_in6),
                           text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0 &&
               strcmp(text, address) == 0;
}

static bool find_interface(const char *address, char name[IF_NAMESIZE], struct error *err)
{
        struct ifaddrs *all = NULL;
        bool found = false;

        if (getifaddrs(&all) != 0)
                return error_set(err, ERROR_UNAVAILABLE, "the interfaces cannot be listed");
        for (const struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
                found = has_address(one, address);
                if (found)
                        snprintf(name, IF_NAMESIZE, "%s", one->ifa_name);
        }
        freeifaddrs(all);
        return found || error_set(err, ERROR_UNAVAILABLE,
                                  "no interface holds the tailnet address %s", address);
}

static bool bind_tun(struct listen *listen, const struct text_list *addresses, struct error *err)
{
        char interface[IF_NAMESIZE];

        for (size_t i = 0; i < addresses->count; i++)
                if (!find_interface(addresses->items[i], interface, err) ||
                    !bind_once(listen, addresses->items[i], interface, err))
                        return error_wrap(err, "listening on %s", addresses->items[i]);
        return addresses->count > 0 ||
               error_set(err, ERROR_UNAVAILABLE, "the tailnet gave us no address");
}

static bool bind_all(struct listen *listen, struct error *err)
{
        struct server *server = listen->server;
        const struct tailscale_status *status = identity_status(server->identity);

        if (!certificate_is_there(server, err))
                return false;
        switch (identity_mode(server->identity)) {
        case MODE_USERSPACE:
                if (!config_allows_userspace(server->config, err)) {
                        server->fatal = *err;
                        loop_stop(server->loop);
                        return false;
                }
                return bind_once(listen, LOOPBACK, NULL, err);
        case MODE_TUN:
                if (!identity_is_running(server->identity, err))
                        return false;
                return bind_tun(listen, &status->self.addresses, err);
        case MODE_AUTO:
                break;
        }
        return error_set(err, ERROR_UNAVAILABLE, "waiting for tailscaled to tell its mode");
}

/* Says a thing once, not every three seconds. */
static void note_trouble(struct server *server, const struct error *err)
{
        if (strncmp(server->trouble, err->text, sizeof(server->trouble) - 1) == 0)
                return;
        snprintf(server->trouble, sizeof(server->trouble), "%s", err->text);
        if (err->text[0] != '\0')
                log_event(LOG_LEVEL_WARN, "the tailnet, trying again", "error", err->text, NULL);
        else
                log_event(LOG_LEVEL_INFO, "tailscaled is running", NULL);
}

/* Once, when tailscaled tells its name. */
static void check_name(struct listen *listen)
{
        const char *wanted = listen->server->config->hostname;
        const char *name = identity_status(listen->server->identity)->self.dns_name;

        if (listen->named || wanted == NULL || name == NULL || name[0] == '\0')
                return;
        listen->named = true;
        if (strncmp(name, wanted, strlen(wanted)) != 0 || strchr(".", name[strlen(wanted)]) == NULL)
                log_event(LOG_LEVEL_WARN, "the node is called otherwise than tailscale.hostname",
                          "hostname", wanted, "node", name, NULL);
}

static void follow(struct listen *listen)
{
        struct server *server = listen->server;
        struct error err = { 0 };

        bool asked = identity_refresh(server->identity, &err);
        if (!asked && identity_mode(server->identity) != MODE_USERSPACE) {
                note_trouble(server, &err);
                return;
        }

        check_name(listen);
        bool bound = bind_all(listen, &err);
        server->listening = listen->bound_count > 0;
        if (bound && identity_is_running(server->identity, &err))
                err = (struct error){ 0 };
        note_trouble(server, &err);
}

static void run(void *argument)
{
        struct listen *listen = argument;
        struct server *server = listen->server;
        struct error err = { 0 };

        do {
                follow(listen);
        } while (!listen->stopped &&
                 wait_ms(server->loop, server->listening ? FOLLOW_MS : HURRY_MS, &err));
        free(listen);
}

bool listen_start(struct server *server, struct listen **listen, struct error *err)
{
        struct listen *started = xcalloc(1, sizeof(*started));

        started->server = server;
        if (server->config->mode == MODE_USERSPACE && certificate_is_there(server, err)) {
                if (!bind_once(started, LOOPBACK, NULL, err)) {
                        free(started);
                        return false;
                }
                server->listening = true;
        }
        *listen = started;
        started->fiber = fiber_start(server->loop, run, started);
        return true;
}

void listen_stop(struct listen *listen)
{
        if (listen == NULL)
                return;
        listen->stopped = true;
        fiber_cancel(listen->fiber);
}
