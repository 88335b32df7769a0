#include "server/owner.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/fd.h"

struct question {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
};

static bool put_address(const struct sockaddr *address, __be32 words[4], __be16 *port)
{
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;

        if (address->sa_family == AF_INET) {
                memcpy(&ipv4, address, sizeof(ipv4));
                memcpy(words, &ipv4.sin_addr, sizeof(ipv4.sin_addr));
                *port = ipv4.sin_port;
                return true;
        }
        if (address->sa_family != AF_INET6)
                return false;
        memcpy(&ipv6, address, sizeof(ipv6));
        memcpy(words, &ipv6.sin6_addr, sizeof(ipv6.sin6_addr));
        *port = ipv6.sin6_port;
        return true;
}

/* The peer's socket is the one whose source is its address and whose destination is ours. */
static bool build_question(const struct sockaddr *peer, const struct sockaddr *local,
                           struct question *question)
{
        struct inet_diag_sockid *id = &question->request.id;

        *question = (struct question){
                .header = { .nlmsg_len = sizeof(*question),
                           .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                           .nlmsg_flags = NLM_F_REQUEST },
                .request = { .sdiag_family = (__u8)peer->sa_family,
                           .sdiag_protocol = IPPROTO_TCP,
                           .idiag_states = (__u32)-1    },
        };
        id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
        return peer->sa_family == local->sa_family &&
               put_address(peer, id->idiag_src, &id->idiag_sport) &&
               put_address(local, id->idiag_dst, &id->idiag_dport);
}

static bool find_peer_user(const struct sockaddr *peer, const struct sockaddr *local, uid_t *user)
{
        scoped(fd_close) int fd =
                socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
        struct question question;
        struct {
                struct nlmsghdr header;
                struct inet_diag_msg message;
                char attributes[512];
        } answer;

        if (fd < 0 || !build_question(peer, local, &question) ||
            send(fd, &question, sizeof(question), 0) != (ssize_t)sizeof(question))
                return false;

        ssize_t length = recv(fd, &answer, sizeof(answer), 0);
        if (length < (ssize_t)(sizeof(answer.header) + sizeof(answer.message)) ||
            answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
                return false;
        *user = answer.message.idiag_uid;
        return true;
}

static bool find_tailscaled_user(const char *socket_path, uid_t *user)
{
        scoped(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct ucred credentials;
        socklen_t length = sizeof(credentials);

        if (fd < 0 || strlen(socket_path) >= sizeof(address.sun_path))
                return false;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
                return false;
        *user = credentials.uid;
        return true;
}

bool owner_is_tailscaled(const struct sockaddr *peer, const struct sockaddr *local,
                         const char *socket_path)
{
        uid_t user = 0, tailscaled = 0;

        return find_peer_user(peer, local, &user) &&
               find_tailscaled_user(socket_path, &tailscaled) && user == tailscaled;
}
