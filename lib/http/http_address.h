/* http_address.h - where a connection comes from, as a sockaddr and as text. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define HTTP_ADDRESS_TEXT_SIZE (INET6_ADDRSTRLEN + 10)

union http_address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
};

/* ::ffff:192.0.2.1 becomes 192.0.2.1. */
void http_address_unmap(union http_address *address);
bool http_address_is_loopback(const union http_address *address);
/* Both return text: "100.64.0.2", and "100.64.0.2:59294" or "[fd7a::2]:59294". */
const char *http_address_format_host(const union http_address *address,
                                     char text[INET6_ADDRSTRLEN]);
const char *http_address_format(const union http_address *address,
                                char text[HTTP_ADDRESS_TEXT_SIZE]);
