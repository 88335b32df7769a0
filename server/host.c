#include "server/host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 256

static bool is_address(const char *name)
{
        unsigned char binary[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, name, binary) == 1 || inet_pton(AF_INET6, name, binary) == 1;
}

/* Without its port, brackets and last dot; "" when it is too long to be a name. */
static void strip(const char *host, char name[NAME_MAX_BYTES])
{
        bool bracketed = host[0] == '[';
        size_t length = strcspn(host + bracketed, bracketed ? "]" : ":");

        if (length >= NAME_MAX_BYTES)
                length = 0;
        snprintf(name, NAME_MAX_BYTES, "%.*s", (int)length, host + bracketed);
        if (length > 0 && name[length - 1] == '.')
                name[length - 1] = '\0';
}

/* "peer.tailnet.ts.net" and "tailnet.ts.net" are of the domain of "tka.tailnet.ts.net.". */
static bool is_of_domain(const char *name, const char *node)
{
        const char *dot = node == NULL ? NULL : strchr(node, '.');
        size_t length = dot == NULL ? 0 : strlen(dot + 1);
        size_t given = strlen(name);

        if (length > 0 && dot[length] == '.')
                length--;
        return length > 0 && given >= length &&
               strncasecmp(name + given - length, dot + 1, length) == 0 &&
               (given == length || name[given - length - 1] == '.');
}

static bool is_listed(const char *name, const struct text_list *listed)
{
        for (size_t i = 0; i < listed->count; i++)
                if (strcasecmp(listed->items[i], name) == 0)
                        return true;
        return false;
}

bool host_is_ours(const char *host, const char *node, const struct text_list *listed)
{
        char name[NAME_MAX_BYTES];

        if (host == NULL)
                return false;
        strip(host, name);
        return name[0] != '\0' && (is_address(name) || strchr(name, '.') == NULL ||
                                   is_of_domain(name, node) || is_listed(name, listed));
}
