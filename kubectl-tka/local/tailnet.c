#include "kubectl-tka/local/tailnet.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void add_if_tailnet(struct addresses *addresses, int family, const void *address)
{
        bool wanted = family == AF_INET ? is_tailnet_v4(address)
                                        : family == AF_INET6 && is_tailnet_v6(address);

        if (wanted && addresses->count < ADDRESSES_MAX &&
            inet_ntop(family, address, addresses->texts[addresses->count], INET6_ADDRSTRLEN))
                addresses->count++;
}

/* IFA_LOCAL is this end of a point-to-point link, IFA_ADDRESS the other; else they are the same. */
static void add_message(struct addresses *addresses, struct nlmsghdr *message)
{
        struct ifaddrmsg *body = NLMSG_DATA(message);
        size_t size =
                body->ifa_family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
        size_t left = IFA_PAYLOAD(message);
        struct in6_addr found = { 0 }; /* room for either */
        bool local = false;

        for (struct rtattr *part = IFA_RTA(body); RTA_OK(part, left); part = RTA_NEXT(part, left)) {
                bool usable =
                        part->rta_type == IFA_LOCAL || (part->rta_type == IFA_ADDRESS && !local);
                if (!usable || RTA_PAYLOAD(part) != size)
                        continue;
                memcpy(&found, RTA_DATA(part), size);
                local = part->rta_type == IFA_LOCAL;
        }
        add_if_tailnet(addresses, body->ifa_family, &found);
}

static bool ask(int fd)
{
        struct {
                struct nlmsghdr head;
                struct ifaddrmsg body;
        } request = {
                .head = { .nlmsg_len = sizeof(request),
                         .nlmsg_type = RTM_GETADDR,
                         .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP }
        };

        return send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request);
}

/* false at the end of the list. */
static bool receive(int fd, struct addresses *addresses)
{
        union {
                struct nlmsghdr head;
                char bytes[8192]; /* what the kernel fills at most at once */
        } answer;
        ssize_t received = recv(fd, &answer, sizeof(answer), 0);

        if (received <= 0)
                return false;
        unsigned left = (unsigned)received;
        for (struct nlmsghdr *at = &answer.head; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
                if (at->nlmsg_type != RTM_NEWADDR)
                        return false;
                add_message(addresses, at);
        }
        return true;
}

/* getifaddrs(3) would list every link first, at half the cost of all we do. */
static void list_addresses(struct addresses *addresses)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        if (fd < 0)
                return;
        for (bool more = ask(fd); more;)
                more = receive(fd, addresses);
        close(fd);
}

static int compare(const void *left, const void *right)
{
        return strcmp(left, right);
}

char *tailnet_addresses(void)
{
        struct addresses addresses = { 0 };
        struct buf joined = { 0 };

        list_addresses(&addresses);
        qsort(addresses.texts, addresses.count, sizeof(addresses.texts[0]), compare);
        for (size_t i = 0; i < addresses.count; i++)
                buf_printf(&joined, "%s%s", i > 0 ? "," : "", addresses.texts[i]);
        return buf_take(&joined);
}

bool tailnet_is_same(const char *recorded, const char *shown)
{
        return shown[0] == '\0' || strcmp(recorded, shown) == 0;
}
