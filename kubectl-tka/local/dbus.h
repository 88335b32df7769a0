/* dbus.h - one connection to the session bus, for a few calls within one deadline.
 *
 * Small on purpose: it is linked into what kubectl runs at every command. */
#pragma once

#include "kubectl-tka/local/dbus_message.h"

struct dbus {
        int fd;
        int64_t deadline_ms; /* CLOCK_MONOTONIC */
        uint32_t serial;     /* of the last call */
        bool greeted;        /* the bus has taken us for who we are */
        size_t used;         /* bytes of received that are done with */
        struct buf received;
};
void dbus_close(struct dbus *dbus);

/* Where the session bus listens, the sockets of $DBUS_SESSION_BUS_ADDRESS or $XDG_RUNTIME_DIR/bus:
 * the caller's; NULL where there is none. Starts nothing: "autolaunch:" is none, nor is "tcp:". */
char *dbus_session_address(void);

/* Whether who listens at the other end of the connected socket is us, or the system. */
bool dbus_peer_is_ours(int fd);
/* "unix:path=..." or "unix:abstract=...", or several with ';' between. Everything on the connection
 * ends within timeout_ms. NOT_FOUND: nobody listens there; DENIED: somebody else does; UNAVAILABLE:
 * who listens lets nobody in, as a bus that hangs. */
bool dbus_open(const char *address, int64_t timeout_ms, struct dbus *dbus,
               struct error *err) must_check;
/* Adds one call to what is to be sent and gives its serial. */
uint32_t dbus_add(struct dbus *dbus, const struct dbus_call *call, struct buf *out);
bool dbus_send(const struct dbus *dbus, const struct buf *out, struct error *err) must_check;
/* Greets the bus: goes before the first call. */
void dbus_add_greeting(struct dbus *dbus, struct buf *out);
/* The answer to that call; others, and signals, are dropped. Its texts are valid until the next
 * wait. An answer that is an error is NOT_FOUND where nobody owns the name, else UNAVAILABLE. */
bool dbus_await(struct dbus *dbus, uint32_t serial, struct dbus_reply *reply,
                struct error *err) must_check;
