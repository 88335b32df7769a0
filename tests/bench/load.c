/* load.c - one HTTP request again and again over kept connections, and how long each took.
 *
 *   load CONNECTIONS SECONDS RATE ADDRESS PORT METHOD TARGET     over TCP
 *   load CONNECTIONS SECONDS RATE unix PATH METHOD TARGET        over a unix socket
 *
 * RATE 0: every connection asks as soon as it was answered. Else so many a second are due, whether
 * or not those before were answered, and each is timed from when it was due. Prints one line:
 * answers, answers other than 2xx, requests a second, and the median, 99 % and longest time in
 * microseconds. Sees just enough of HTTP to tell where an answer ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/memory.h"

#define ANSWER_MAX 65536
#define SAMPLES_MAX (8 << 20)
#define EVENTS 64
#define SPIN_NS \
        200000 /* before a request is due the clock is watched, as sleeping is not exact \
                */

struct connection {
        int fd;
        int64_t due_ns; /* of the request that is under way; 0: none */
        size_t got;
        char answer[ANSWER_MAX];
};

struct load {
        struct connection *connections;
        int count, poll;
        char *request;
        size_t request_length;
        int64_t start_ns, end_ns, interval_ns, next_ns;
        uint32_t *samples;
        size_t answers, refused;
};

static int64_t now_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fail(const char *doing)
{
        fprintf(stderr, "load: %s: %s\n", doing, strerror(errno));
        exit(EXIT_FAILURE);
}

static int connect_unix(const char *path)
{
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
                fail(path);
        return fd;
}

static int connect_tcp(const char *address, const char *port)
{
        struct sockaddr_in to = { .sin_family = AF_INET };
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int on = 1;

        to.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
        if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
            connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
                fail(address);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
}

static void open_connections(struct load *load, const char *where, const char *place)
{
        load->connections = xcalloc((size_t)load->count, sizeof(*load->connections));
        load->poll = epoll_create1(0);
        for (int i = 0; i < load->count; i++) {
                struct connection *connection = &load->connections[i];
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };

                connection->fd = strcmp(where, "unix") == 0 ? connect_unix(place)
                                                            : connect_tcp(where, place);
                if (epoll_ctl(load->poll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
                        fail("epoll");
        }
}

static void ask(struct load *load, struct connection *connection, int64_t due_ns)
{
        connection->due_ns = due_ns;
        connection->got = 0;
        if (send(connection->fd, load->request, load->request_length, MSG_NOSIGNAL) !=
            (ssize_t)load->request_length)
                fail("send");
}

/* What came so far is a whole answer. */
static bool is_whole(const struct connection *connection)
{
        const char *answer = connection->answer;
        const char *end = strstr(answer, "\r\n\r\n");
        const char *length = strcasestr(answer, "\r\nContent-Length:");

        if (!end)
                return false;
        if (length && length < end)
                return connection->got >=
                       (size_t)(end + 4 - answer) + strtoul(length + 17, NULL, 10);
        return strcmp(answer + connection->got - 5, "0\r\n\r\n") == 0; /* in chunks */
}

static void note(struct load *load, const struct connection *connection)
{
        int64_t took_us = (now_ns() - connection->due_ns) / 1000;

        if (load->answers < SAMPLES_MAX)
                load->samples[load->answers] = (uint32_t)took_us;
        load->answers++;
        if (connection->answer[9] != '2' && load->refused++ == 0)
                fprintf(stderr, "load: the first refusal: %s\n", connection->answer);
}

/* The next request that is due goes to whoever has none; with a RATE it may wait for one. */
static void ask_next(struct load *load, struct connection *connection)
{
        int64_t now = now_ns();

        connection->due_ns = 0;
        if (load->interval_ns == 0) {
                ask(load, connection, now);
        } else if (load->next_ns <= now && load->next_ns < load->end_ns) {
                ask(load, connection, load->next_ns);
                load->next_ns += load->interval_ns;
        }
}

static void receive(struct load *load, struct connection *connection)
{
        ssize_t got = recv(connection->fd, connection->answer + connection->got,
                           ANSWER_MAX - 1 - connection->got, 0);

        if (got <= 0)
                fail(got == 0 ? "the connection was closed" : "recv");
        connection->got += (size_t)got;
        connection->answer[connection->got] = '\0';
        if (!is_whole(connection))
                return;
        note(load, connection);
        ask_next(load, connection);
}

static void ask_what_is_due(struct load *load)
{
        for (int i = 0; i < load->count && load->next_ns <= now_ns(); i++)
                if (load->connections[i].due_ns == 0)
                        ask_next(load, &load->connections[i]);
}

static int choose_timeout(const struct load *load)
{
        int64_t left_ns = load->next_ns - SPIN_NS - now_ns();

        if (load->interval_ns == 0)
                return 1000;
        return left_ns <= 0 ? 0 : (int)(left_ns / 1000000);
}

static void run(struct load *load)
{
        struct epoll_event events[EVENTS];

        load->start_ns = load->next_ns = now_ns();
        for (int i = 0; i < load->count && load->interval_ns == 0; i++)
                ask(load, &load->connections[i], now_ns());
        while (now_ns() < load->end_ns) {
                if (load->interval_ns > 0)
                        ask_what_is_due(load);
                int ready = epoll_wait(load->poll, events, EVENTS, choose_timeout(load));

                for (int i = 0; i < ready; i++)
                        receive(load, events[i].data.ptr);
        }
}

static int compare(const void *a, const void *b)
{
        uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

        return one < other ? -1 : one > other;
}

static void print(const struct load *load)
{
        size_t count = load->answers < SAMPLES_MAX ? load->answers : SAMPLES_MAX;
        double seconds = (double)(now_ns() - load->start_ns) / 1e9;

        if (count == 0) {
                puts("0 0 0 0 0 0");
                return;
        }
        qsort(load->samples, count, sizeof(*load->samples), compare);
        printf("%zu %zu %.1f %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", load->answers, load->refused,
               (double)load->answers / seconds, load->samples[count / 2],
               load->samples[count - 1 - count / 100], load->samples[count - 1]);
}

int main(int argc, char **argv)
{
        struct load load = { 0 };

        if (argc != 8) {
                fprintf(stderr, "usage: load CONNECTIONS SECONDS RATE ADDRESS PORT METHOD TARGET\n"
                                "       load CONNECTIONS SECONDS RATE unix PATH METHOD TARGET\n");
                return EXIT_FAILURE;
        }
        double rate = strtod(argv[3], NULL);
        bool local = strcmp(argv[4], "unix") == 0;

        load.count = (int)strtol(argv[1], NULL, 10);
        load.interval_ns = rate > 0 ? (int64_t)(1e9 / rate) : 0;
        load.samples = xmalloc(SAMPLES_MAX * sizeof(*load.samples));
        load.request = xasprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", argv[6], argv[7],
                                 local ? "local-tailscaled.sock" : argv[4],
                                 strcmp(argv[6], "POST") == 0 ? "Content-Length: 0\r\n" : "");
        load.request_length = strlen(load.request);
        open_connections(&load, argv[4], argv[5]);
        load.end_ns = now_ns() + (int64_t)(strtod(argv[2], NULL) * 1e9);
        run(&load);
        print(&load);
        return EXIT_SUCCESS;
}
