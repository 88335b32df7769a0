#include "kubectl-tka/remote/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "lib/aside.h"
#include "lib/fiber.h"
#include "lib/loop.h"
#include "lib/memory.h"

#define ADDRESSES_MAX 8
#define LIMIT_ANSWER 1024 /* bytes: one address a line */

static void write_family(int fd, const struct addrinfo *found, int family)
{
        char text[INET6_ADDRSTRLEN + 1];

        for (; found; found = found->ai_next) {
                if (found->ai_family != family ||
                    getnameinfo(found->ai_addr, found->ai_addrlen, text, INET6_ADDRSTRLEN, NULL, 0,
                                NI_NUMERICHOST) != 0)
                        continue;
                size_t length = strlen(text);
                text[length] = '\n';
                if (write(fd, text, length + 1) < 0)
                        return;
        }
}

/* getaddrinfo(3) knows every source of names the system has, and no deadline. */
static void look_up(const void *what, int answer)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        const char *host = what;
        struct addrinfo *found = NULL;

        if (getaddrinfo(host, NULL, &hints, &found) == 0) {
                write_family(answer, found, AF_INET);
                write_family(answer, found, AF_INET6);
        }
}

static bool read_answer(struct loop *loop, int fd, int64_t timeout_ms, struct buf *text)
{
        int64_t deadline_ms = loop_now_ms() + timeout_ms;
        char chunk[256];

        for (;;) {
                int64_t left_ms = loop_left_ms(deadline_ms);
                struct error late = { 0 };
                if (left_ms == 0 || !wait_readable(loop, fd, left_ms, &late))
                        return false;
                ssize_t length = read(fd, chunk, sizeof(chunk));
                if (length < 0 && errno == EINTR)
                        continue;
                if (length <= 0 || !buf_append(text, chunk, (size_t)length))
                        return length == 0;
        }
}

static bool is_address(const char *host)
{
        unsigned char bytes[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void add_lines(const char *lines, struct text_list *addresses)
{
        for (const char *at = lines; *at && addresses->count < ADDRESSES_MAX;) {
                size_t length = strcspn(at, "\n");
                scoped_free char *address = xstrndup(at, length);
                if (!text_list_has(addresses, address))
                        text_list_add(addresses, address);
                at += length + 1;
        }
}

bool resolve_host(struct loop *loop, const char *host, int64_t timeout_ms,
                  struct text_list *addresses, struct error *err)
{
        scoped(aside_end) struct aside aside = { 0 };
        scoped(buf_clear) struct buf text = { 0 };

        if (is_address(host)) {
                text_list_add(addresses, host);
                return true;
        }
        buf_init(&text, LIMIT_ANSWER);
        if (!aside_start(look_up, host, &aside, err))
                return false;
        if (!read_answer(loop, aside.answer, timeout_ms, &text))
                return error_set(err, ERROR_UNAVAILABLE, "looking up \"%s\": no answer in time",
                                 host);
        if (text.length == 0)
                return error_set(err, ERROR_NOT_FOUND, "there is no host \"%s\"", host);
        add_lines(text.text, addresses);
        return true;
}
