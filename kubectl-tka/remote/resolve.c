#include "kubectl-tka/remote/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/util.h>

#include "lib/fiber.h"
#include "lib/loop.h"

#define ADDRESSES_MAX 8

struct lookup {
        struct evdns_base *base;
        struct evdns_getaddrinfo_request *request; /* NULL once answered */
        struct wait wait;
        int result;
        struct evutil_addrinfo *found;
};

static void clear_lookup(struct lookup *lookup)
{
        if (lookup->request)
                evdns_getaddrinfo_cancel(lookup->request);
        if (lookup->found)
                evutil_freeaddrinfo(lookup->found);
        if (lookup->base)
                evdns_base_free(lookup->base, 0);
}

static void receive(int result, struct evutil_addrinfo *found, void *argument)
{
        struct lookup *lookup = argument;

        if (result == EVUTIL_EAI_CANCEL)
                return;
        lookup->request = NULL;
        lookup->result = result;
        lookup->found = found;
        wait_wake(&lookup->wait);
}

static bool is_address(const char *host)
{
        unsigned char bytes[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void add_family(const struct evutil_addrinfo *found, int family, struct text_list *addresses)
{
        char text[INET6_ADDRSTRLEN];

        for (; found && addresses->count < ADDRESSES_MAX; found = found->ai_next)
                if (found->ai_family == family &&
                    getnameinfo(found->ai_addr, (socklen_t)found->ai_addrlen, text, sizeof(text),
                                NULL, 0, NI_NUMERICHOST) == 0 &&
                    !text_list_has(addresses, text))
                        text_list_add(addresses, text);
}

bool resolve_host(struct loop *loop, const char *host, int64_t timeout_ms,
                  struct text_list *addresses, struct error *err)
{
        scoped(clear_lookup) struct lookup lookup = { 0 };
        const struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
                                               .ai_socktype = SOCK_STREAM };

        if (is_address(host)) {
                text_list_add(addresses, host);
                return true;
        }
        lookup.base = evdns_base_new(loop_base(loop), EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                              EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        if (!lookup.base)
                return error_set(err, ERROR_UNAVAILABLE, "%s: no name server is configured", host);
        /* Some servers answer a question in mixed case in small letters. */
        evdns_base_set_option(lookup.base, "randomize-case:", "0");

        struct evdns_getaddrinfo_request *request =
                evdns_getaddrinfo(lookup.base, host, NULL, &hints, receive, &lookup);
        if (!lookup.wait.woken) {
                lookup.request = request;
                if (!wait_for(loop, &lookup.wait, timeout_ms, err))
                        return error_wrap(err, "looking up \"%s\"", host);
        }
        add_family(lookup.found, AF_INET, addresses);
        add_family(lookup.found, AF_INET6, addresses);
        if (addresses->count > 0)
                return true;
        return error_set(err, ERROR_NOT_FOUND, "looking up \"%s\": %s", host,
                         lookup.result ? evutil_gai_strerror(lookup.result) : "no address");
}
