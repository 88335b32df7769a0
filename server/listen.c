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
#define BOUND_MAX 16 /* listeners at once: a node has two addresses */

/* An interface that went and came back is another one: SO_BINDTODEVICE holds on to its number. */
struct bound {
        char address[INET6_ADDRSTRLEN];
        unsigned int interface; /* 0: none */
        struct http_listener *listener;
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
                      unsigned int number, struct error *err)
{
        struct server *server = listen->server;
        struct http_listener *listener = NULL;
        char port[16];

        if (is_bound(listen, address, number))
                return true;
        if (listen->bound_count == BOUND_MAX)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "the tailnet gave us more than %d addresses", BOUND_MAX);
        listener = http_server_listen_on(server->http, address, (int)server->config->port,
                                         interface, err);
        if (listener == NULL)
                return false;

        struct bound *bound = &listen->bound[listen->bound_count++];
        *bound = (struct bound){ .interface = number, .listener = listener };
        snprintf(bound->address, sizeof(bound->address), "%s", address);
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

/* The number of the interface that holds the address, and its name; 0: none does. */
static unsigned int find_interface(const struct ifaddrs *interfaces, const char *address,
                                   char name[IF_NAMESIZE])
{
        for (const struct ifaddrs *one = interfaces; one != NULL; one = one->ifa_next)
                if (has_address(one, address)) {
                        snprintf(name, IF_NAMESIZE, "%s", one->ifa_name);
                        return if_nametoindex(name);
                }
        return 0;
}

/* Nothing comes in there any longer. An address stays good for whoever knows it while its interface
 * holds it, and one that tailscaled names and nobody holds may come back to where it was. */
static bool is_lost(const struct bound *bound, const struct text_list *addresses,
                    const struct ifaddrs *interfaces)
{
        char name[IF_NAMESIZE];
        unsigned int number = find_interface(interfaces, bound->address, name);

        if (bound->interface == 0)
                return false;
        if (number != 0)
                return number != bound->interface;
        return !text_list_has(addresses, bound->address) ||
               if_indextoname(bound->interface, name) == NULL;
}

static void release_lost(struct listen *listen, const struct text_list *addresses,
                         const struct ifaddrs *interfaces)
{
        size_t kept = 0;

        for (size_t i = 0; i < listen->bound_count; i++) {
                struct bound *bound = &listen->bound[i];

                if (!is_lost(bound, addresses, interfaces)) {
                        listen->bound[kept++] = *bound;
                        continue;
                }
                http_server_stop_listener(bound->listener);
                log_event(LOG_LEVEL_INFO, "no longer listening", "address", bound->address, NULL);
        }
        listen->bound_count = kept;
}

/* tailscaled names an IPv6 address also on a host without IPv6, and gives it to no interface. */
static bool may_be_missing(const char *address, const struct text_list *addresses)
{
        for (size_t i = 0; i < addresses->count; i++)
                if (strchr(addresses->items[i], ':') == NULL)
                        return strchr(address, ':') != NULL;
        return false;
}

static bool bind_held(struct listen *listen, const char *address, const struct ifaddrs *interfaces,
                      struct error *err)
{
        char name[IF_NAMESIZE];
        unsigned int number = find_interface(interfaces, address, name);

        if (number == 0)
                return error_set(err, ERROR_UNAVAILABLE,
                                 "no interface holds the tailnet address %s", address);
        return bind_once(listen, address, name, number, err);
}

/* err: of the first that fails; the others are bound. */
static bool bind_each(struct listen *listen, const struct text_list *addresses,
                      const struct ifaddrs *interfaces, struct error *err)
{
        struct error further = { 0 };
        char name[IF_NAMESIZE];
        bool fine = true;

        for (size_t i = 0; i < addresses->count; i++) {
                const char *address = addresses->items[i];

                if (may_be_missing(address, addresses) &&
                    find_interface(interfaces, address, name) == 0)
                        continue;
                if (!bind_held(listen, address, interfaces, fine ? err : &further))
                        fine = false;
        }
        return fine;
}

static bool bind_tun(struct listen *listen, const struct text_list *addresses, struct error *err)
{
        struct ifaddrs *interfaces = NULL;

        if (addresses->count == 0)
                return error_set(err, ERROR_UNAVAILABLE, "the tailnet gave us no address");
        if (getifaddrs(&interfaces) != 0)
                return error_set(err, ERROR_UNAVAILABLE, "the interfaces cannot be listed");
        release_lost(listen, addresses, interfaces);
        bool bound = bind_each(listen, addresses, interfaces, err);
        freeifaddrs(interfaces);
        return bound;
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
                return bind_once(listen, LOOPBACK, NULL, 0, err);
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
                server->listening = false; /* its interface may be another by now */
                note_trouble(server, &err);
                return;
        }

        check_name(listen);
        server->listening = bind_all(listen, &err);
        if (server->listening && identity_is_running(server->identity, &err))
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
                if (!bind_once(started, LOOPBACK, NULL, 0, err)) {
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
