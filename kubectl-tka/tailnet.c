#include "kubectl-tka/tailnet.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/memory.h"

#define ADDRESSES_MAX 16

struct addresses {
        char texts[ADDRESSES_MAX][INET6_ADDRSTRLEN];
        size_t count;
};

/* 100.64.0.0/10 */
static bool is_tailnet_v4(const struct in_addr *address)
{
        return (ntohl(address->s_addr) & 0xffc00000U) == 0x64400000U;
}

/* fd7a:115c:a1e0::/48 */
static bool is_tailnet_v6(const struct in6_addr *address)
{
        static const unsigned char prefix[] = { 0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0 };

        return memcmp(address->s6_addr, prefix, sizeof(prefix)) == 0;
}

static void add(struct addresses *addresses, int family, const void *address)
{
        if (addresses->count < ADDRESSES_MAX &&
            inet_ntop(family, address, addresses->texts[addresses->count], INET6_ADDRSTRLEN))
                addresses->count++;
}

static void add_if_tailnet(struct addresses *addresses, const struct sockaddr *address)
{
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;

        if (address->sa_family == AF_INET) {
                memcpy(&v4, address, sizeof(v4));
                if (is_tailnet_v4(&v4.sin_addr))
                        add(addresses, AF_INET, &v4.sin_addr);
        } else if (address->sa_family == AF_INET6) {
                memcpy(&v6, address, sizeof(v6));
                if (is_tailnet_v6(&v6.sin6_addr))
                        add(addresses, AF_INET6, &v6.sin6_addr);
        }
}

static int compare(const void *left, const void *right)
{
        return strcmp(left, right);
}

char *tailnet_addresses(void)
{
        struct addresses addresses = { 0 };
        struct ifaddrs *interfaces = NULL;
        struct buf joined = { 0 };

        if (getifaddrs(&interfaces) != 0)
                return xstrdup("");
        for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next)
                if (at->ifa_addr != NULL)
                        add_if_tailnet(&addresses, at->ifa_addr);
        freeifaddrs(interfaces);

        qsort(addresses.texts, addresses.count, sizeof(addresses.texts[0]), compare);
        for (size_t i = 0; i < addresses.count; i++)
                buf_printf(&joined, "%s%s", i > 0 ? "," : "", addresses.texts[i]);
        return buf_take(&joined);
}

bool tailnet_is_same(const char *recorded, const char *shown)
{
        return shown[0] == '\0' || strcmp(recorded, shown) == 0;
}
