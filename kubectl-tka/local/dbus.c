#include "kubectl-tka/local/dbus.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/memory.h"

#define BUS_NAME "org.freedesktop.DBus"
#define LIMIT_RECEIVED (2UL * LIMIT_DBUS_MESSAGE)
#define LIMIT_GREETING 256 /* bytes of the bus' answer to who we are */

static int64_t now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void dbus_close(struct dbus *dbus)
{
        if (dbus->fd >= 0)
                close(dbus->fd);
        dbus->fd = -1;
        buf_clear(&dbus->received);
}

/* Of the addresses with ';' between: NULL when none is a socket. Libraries would try the others
 * too, and launch a bus for one. */
static char *keep_sockets(const char *addresses)
{
        scoped(buf_clear) struct buf kept = { 0 };

        for (const char *at = addresses; *at;) {
                size_t length = strcspn(at, ";");
                if (strncmp(at, "unix:", 5) == 0) {
                        buf_add(&kept, kept.length > 0 ? ";" : "");
                        buf_append(&kept, at, length);
                }
                at += length;
                at += *at == ';';
        }
        return kept.length > 0 ? buf_take(&kept) : NULL;
}

char *dbus_session_address(void)
{
        const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        struct stat found;

        if (address && address[0])
                return keep_sockets(address);
        if (!runtime || runtime[0] != '/')
                return NULL;
        scoped_free char *path = xasprintf("%s/bus", runtime);
        if (stat(path, &found) != 0 || !S_ISSOCK(found.st_mode) || found.st_uid != geteuid())
                return NULL;
        return xasprintf("unix:path=%s", path);
}

static bool read_hex(const char *digits, char *byte)
{
        static const char known[] = "0123456789abcdef";
        unsigned value = 0;

        for (int i = 0; i < 2; i++) {
                const char *found = digits[i] ? strchr(known, digits[i] | 0x20) : NULL;
                if (!found)
                        return false;
                value = value << 4 | (unsigned)(found - known);
        }
        *byte = (char)(unsigned char)value;
        return true;
}

/* "key=value,key=value" behind the transport's name: where the value of that key begins, or NULL.
 */
static const char *find_key(const char *at, const char *key)
{
        size_t length = strlen(key);

        while (strncmp(at, key, length) != 0 || at[length] != '=') {
                at += strcspn(at, ",;");
                if (*at++ != ',')
                        return NULL;
        }
        return at + length + 1;
}

/* The value of a key in "unix:key=value", its %xx undone. false: not there, or too long for a
 * socket's name. */
static bool find_value(const char *part, const char *key, char *value, size_t size)
{
        const char *at = find_key(part + strlen("unix:"), key);
        size_t used = 0;

        for (; at && !strchr(",;", *at) && used + 1 < size; at++) {
                value[used] = *at;
                if (*at == '%' && read_hex(at + 1, &value[used]))
                        at += 2;
                used++;
        }
        value[used] = '\0';
        return used > 0 && strchr(",;", *at);
}

bool dbus_peer_is_ours(int fd)
{
        struct ucred peer = { 0 };
        socklen_t length = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
               (peer.uid == geteuid() || peer.uid == 0);
}

static bool connect_to(const char *part, int fd, struct error *err)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        size_t size = sizeof(name.sun_path);
        socklen_t length = sizeof(name);

        if (find_value(part, "abstract", name.sun_path + 1, size - 1))
                length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                     strlen(name.sun_path + 1));
        else if (!find_value(part, "path", name.sun_path, size))
                return error_set(err, ERROR_NOT_FOUND, "no socket in the bus' address \"%.200s\"",
                                 part);
        if (connect(fd, (struct sockaddr *)&name, length) != 0)
                return error_set(err, errno == EAGAIN ? ERROR_UNAVAILABLE : ERROR_NOT_FOUND,
                                 "the session bus at \"%.200s\": %s", part, strerror(errno));
        return dbus_peer_is_ours(fd) ||
               error_set(err, ERROR_DENIED, "the session bus at \"%.200s\" is somebody else's",
                         part);
}

bool dbus_open(const char *address, int64_t timeout_ms, struct dbus *dbus, struct error *err)
{
        struct dbus opened = { .deadline_ms = now_ms() + timeout_ms };

        error_set(err, ERROR_NOT_FOUND, "no socket in the bus' address \"%.200s\"", address);
        for (const char *part = address; *part; part += strspn(part, ";")) {
                if (strncmp(part, "unix:", 5) == 0) {
                        opened.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                        if (opened.fd >= 0 && connect_to(part, opened.fd, err)) {
                                buf_init(&opened.received, LIMIT_RECEIVED);
                                *dbus = opened;
                                return true;
                        }
                        dbus_close(&opened);
                }
                part += strcspn(part, ";");
        }
        return false;
}

/* SASL's EXTERNAL: the socket itself says who we are. Nothing is waited for: the bus reads it all
 * in order. */
void dbus_add_greeting(struct dbus *dbus, struct buf *out)
{
        static const struct dbus_call hello = { BUS_NAME, "/org/freedesktop/DBus",
                                                BUS_NAME, "Hello",
                                                "",       NULL };
        scoped_free char *user = xasprintf("%u", (unsigned)geteuid());
        bool fits = buf_append(out, "", 1);

        (void)fits; /* a buffer of our own */
        buf_add(out, "AUTH EXTERNAL ");
        for (const char *at = user; *at; at++)
                buf_printf(out, "%02x", (unsigned)(unsigned char)*at);
        buf_add(out, "\r\nBEGIN\r\n");
        dbus_add(dbus, &hello, out);
}

uint32_t dbus_add(struct dbus *dbus, const struct dbus_call *call, struct buf *out)
{
        dbus_call_write(call, ++dbus->serial, out);
        return dbus->serial;
}

static bool wait_ready(const struct dbus *dbus, short events, struct error *err)
{
        struct pollfd ready = { .fd = dbus->fd, .events = events };
        int64_t left_ms = dbus->deadline_ms - now_ms();
        int count = left_ms > 0 ? poll(&ready, 1, (int)left_ms) : 0;

        return count > 0 || (count < 0 && errno == EINTR) ||
               error_set(err, ERROR_UNAVAILABLE, "the session bus does not answer");
}

static bool is_passing(int problem)
{
        return problem == EAGAIN || problem == EINTR;
}

bool dbus_send(const struct dbus *dbus, const struct buf *out, struct error *err)
{
        for (size_t done = 0; done < out->length;) {
                ssize_t sent = send(dbus->fd, out->text + done, out->length - done, MSG_NOSIGNAL);
                if (sent < 0 && !is_passing(errno))
                        return error_set(err, ERROR_UNAVAILABLE, "the session bus: %s",
                                         strerror(errno));
                if (sent < 0 && !wait_ready(dbus, POLLOUT, err))
                        return false;
                done += sent > 0 ? (size_t)sent : 0;
        }
        return true;
}

static bool receive(struct dbus *dbus, struct error *err)
{
        char chunk[8192];
        ssize_t length = recv(dbus->fd, chunk, sizeof(chunk), 0);

        if (length < 0 && is_passing(errno))
                return wait_ready(dbus, POLLIN, err);
        if (length <= 0)
                return error_set(err, ERROR_UNAVAILABLE, "the session bus hung up");
        bool fits = buf_append(&dbus->received, chunk, (size_t)length);
        explicit_bzero(chunk, (size_t)length);
        return fits || error_set(err, ERROR_INVALID, "the session bus sends too much");
}

/* "OK <guid>\r\n". *whole stays false while the line goes on. */
static bool take_greeting(struct dbus *dbus, bool *whole, struct error *err)
{
        const char *text = buf_text(&dbus->received);
        const char *end = memchr(text, '\n', dbus->received.length);

        if (!end)
                return dbus->received.length <= LIMIT_GREETING ||
                       error_set(err, ERROR_INVALID, "the session bus answers nonsense");
        if (strncmp(text, "OK ", 3) != 0)
                return error_set(err, ERROR_DENIED, "the session bus does not let us in");
        dbus->used = (size_t)(end - text) + 1;
        dbus->greeted = true;
        *whole = true;
        return true;
}

static bool judge(const struct dbus_reply *reply, struct error *err)
{
        static const char *const nobody[] = { BUS_NAME ".Error.ServiceUnknown",
                                              BUS_NAME ".Error.NameHasNoOwner" };

        if (!reply->error_name)
                return true;
        for (size_t i = 0; i < ARRAY_LENGTH(nobody); i++)
                if (strcmp(reply->error_name, nobody[i]) == 0)
                        return error_set(err, ERROR_NOT_FOUND, "no such service on the bus");
        return error_set(err, ERROR_UNAVAILABLE, "%.100s", reply->error_name);
}

bool dbus_await(struct dbus *dbus, uint32_t serial, struct dbus_reply *reply, struct error *err)
{
        struct dbus_reply found = { 0 };

        do {
                bool whole = false;
                if (!dbus->greeted && !take_greeting(dbus, &whole, err))
                        return false;
                size_t used = 0;
                if (dbus->greeted &&
                    !dbus_reply_parse(buf_text(&dbus->received) + dbus->used,
                                      dbus->received.length - dbus->used, &found, &used, err))
                        return false;
                dbus->used += used;
                if (used == 0 && !whole && !receive(dbus, err))
                        return false;
                if (used == 0)
                        found.reply_to = 0;
        } while (found.reply_to != serial);
        *reply = found;
        return judge(reply, err);
}
