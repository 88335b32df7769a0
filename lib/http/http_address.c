#include "lib/http/http_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void http_address_unmap(union http_address *address)
{
        struct sockaddr_in in = { .sin_family = AF_INET };

        if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
                return;
        in.sin_port = address->in6.sin6_port;
        memcpy(&in.sin_addr, &address->in6.sin6_addr.s6_addr[12], sizeof(in.sin_addr));
        address->in = in;
}

bool http_address_is_loopback(const union http_address *address)
{
        if (address->any.sa_family == AF_INET6)
                return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
        return ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

const char *http_address_format_host(const union http_address *address, char text[INET6_ADDRSTRLEN])
{
        bool six = address->any.sa_family == AF_INET6;
        const void *bytes =
                six ? (const void *)&address->in6.sin6_addr : (const void *)&address->in.sin_addr;

        return inet_ntop(address->any.sa_family, bytes, text, INET6_ADDRSTRLEN) ? text : "";
}

const char *http_address_format(const union http_address *address,
                                char text[HTTP_ADDRESS_TEXT_SIZE])
{
        char host[INET6_ADDRSTRLEN] = "";
        bool six = address->any.sa_family == AF_INET6;

        snprintf(text, HTTP_ADDRESS_TEXT_SIZE, six ? "[%s]:%u" : "%s:%u",
                 http_address_format_host(address, host),
                 (unsigned)ntohs(six ? address->in6.sin6_port : address->in.sin_port));
        return text;
}
