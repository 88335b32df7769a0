#include "kubectl-tka/local/keyring.h"

#include <string.h>

#include "kubectl-tka/local/dbus.h"
#include "lib/memory.h"

#define SERVICE "org.freedesktop.secrets"
#define SERVICE_PATH "/org/freedesktop/secrets"
#define INTERFACE "org.freedesktop.Secret."

const char *keyring_state_text(enum keyring_state state)
{
        static const char *const texts[] = { [KEYRING_OPEN] = "open",
                                             [KEYRING_LOCKED] = "locked",
                                             [KEYRING_ABSENT] = "absent",
                                             [KEYRING_MUTE] = "mute" };

        return texts[state];
}

static uint32_t add_open_session(struct dbus *dbus, struct buf *out)
{
        scoped(buf_clear) struct buf body = { 0 };

        dbus_put_text(&body, "plain"); /* a unix socket needs no encryption */
        dbus_put_text_variant(&body, "");
        return dbus_add(dbus,
                        &(struct dbus_call){ SERVICE, SERVICE_PATH, INTERFACE "Service",
                                             "OpenSession", "sv", &body },
                        out);
}

static uint32_t add_search(struct dbus *dbus, const struct cache_key *key, struct buf *out)
{
        const char *const attributes[] = { "xdg:schema",    KEYRING_SCHEMA,  KEYRING_SERVER,
                                           key->server,     KEYRING_CA_HASH, key->ca_hash,
                                           KEYRING_CLUSTER, key->cluster,    KEYRING_ROLE,
                                           key->role };
        scoped(buf_clear) struct buf body = { 0 };

        dbus_put_text_map(&body, attributes, ARRAY_LENGTH(attributes) / 2);
        return dbus_add(dbus,
                        &(struct dbus_call){ SERVICE, SERVICE_PATH, INTERFACE "Service",
                                             "SearchItems", "a{ss}", &body },
                        out);
}

static bool refuse(struct error *err)
{
        return error_set(err, ERROR_INVALID, "the keyring answers what the bus does not know");
}

static bool await(struct dbus *dbus, uint32_t serial, const char *signature,
                  struct dbus_reply *reply, struct error *err)
{
        return dbus_await(dbus, serial, reply, err) &&
               (strcmp(reply->signature, signature) == 0 || refuse(err));
}

/* Asks and waits; the reply is valid until the next wait. */
static bool ask(struct dbus *dbus, const struct dbus_call *call, const char *signature,
                struct dbus_reply *reply, struct error *err)
{
        scoped(buf_clear) struct buf out = { 0 };
        uint32_t serial = dbus_add(dbus, call, &out);

        return dbus_send(dbus, &out, err) && await(dbus, serial, signature, reply, err);
}

static bool await_session(struct dbus *dbus, uint32_t serial, char **session, struct error *err)
{
        struct dbus_reply reply;
        const char *type = NULL;
        const char *output = NULL;
        const char *path = NULL;

        if (!await(dbus, serial, "vo", &reply, err))
                return false;
        if (!dbus_read_signature(&reply.body, &type) || strcmp(type, "s") != 0 ||
            !dbus_read_text(&reply.body, &output) || !dbus_read_text(&reply.body, &path))
                return refuse(err);
        *session = xstrdup(path);
        return true;
}

static bool await_item(struct dbus *dbus, uint32_t serial, enum keyring_state *state, char **item,
                       struct error *err)
{
        struct dbus_reply reply;
        const char *open = NULL;
        const char *locked = NULL;

        if (!await(dbus, serial, "aoao", &reply, err))
                return false;
        if (!dbus_read_first_text(&reply.body, &open) ||
            !dbus_read_first_text(&reply.body, &locked))
                return refuse(err);
        *state = !open && locked ? KEYRING_LOCKED : KEYRING_OPEN;
        if (!open)
                return error_set(err, ERROR_NOT_FOUND, "the keyring %s",
                                 locked ? "is locked" : "holds no token for this cluster");
        *item = xstrdup(open);
        return true;
}

static bool get_secret(struct dbus *dbus, const char *item, const char *session, struct buf *text,
                       struct error *err)
{
        scoped(buf_clear) struct buf body = { 0 };
        struct dbus_reply reply;
        const char *path = NULL;
        const char *bytes = NULL;
        size_t length = 0;

        dbus_put_text(&body, session);
        if (!ask(dbus,
                 &(struct dbus_call){ SERVICE, item, INTERFACE "Item", "GetSecret", "o", &body },
                 "(oayays)", &reply, err))
                return false;
        if (!dbus_read_struct(&reply.body) || !dbus_read_text(&reply.body, &path) ||
            !dbus_read_bytes(&reply.body, &bytes, &length) ||
            !dbus_read_bytes(&reply.body, &bytes, &length) || !buf_append(text, bytes, length))
                return refuse(err);
        return true;
}

/* gnome-keyring can end itself at the first message of a client, when that is one of its own
 * methods and another client comes or goes at the same moment (up to 50 at least). So the first is
 * one that its D-Bus library answers: then it knows us. */
static uint32_t add_introduction(struct dbus *dbus, struct buf *out)
{
        static const struct dbus_call ping = { SERVICE, SERVICE_PATH, "org.freedesktop.DBus.Peer",
                                               "Ping",  "",           NULL };

        dbus_add_greeting(dbus, out);
        return dbus_add(dbus, &ping, out);
}

static bool read_item(struct dbus *dbus, const struct cache_key *key, enum keyring_state *state,
                      struct buf *text, struct error *err)
{
        scoped(buf_clear) struct buf hello = { 0 };
        scoped(buf_clear) struct buf out = { 0 };
        scoped_free char *session = NULL;
        scoped_free char *item = NULL;
        struct dbus_reply pong;

        uint32_t ping = add_introduction(dbus, &hello);
        if (!dbus_send(dbus, &hello, err))
                return false;
        uint32_t opening = add_open_session(dbus, &out); /* while the bus is at work */
        uint32_t search = add_search(dbus, key, &out);
        return dbus_await(dbus, ping, &pong, err) && dbus_send(dbus, &out, err) &&
               await_session(dbus, opening, &session, err) &&
               await_item(dbus, search, state, &item, err) &&
               get_secret(dbus, item, session, text, err);
}

/* Says Ping first, as every conversation does. */
static bool greet(struct dbus *dbus, struct error *err)
{
        scoped(buf_clear) struct buf hello = { 0 };
        struct dbus_reply pong;
        uint32_t ping = add_introduction(dbus, &hello);

        return dbus_send(dbus, &hello, err) && dbus_await(dbus, ping, &pong, err);
}

/* The collection that libsecret stores in; *path stays NULL where there is none yet. */
static bool find_collection(struct dbus *dbus, char **path, struct error *err)
{
        scoped(buf_clear) struct buf body = { 0 };
        struct dbus_reply reply;
        const char *found = NULL;

        dbus_put_text(&body, "default");
        if (!ask(dbus,
                 &(struct dbus_call){ SERVICE, SERVICE_PATH, INTERFACE "Service", "ReadAlias", "s",
                                      &body },
                 "o", &reply, err))
                return false;
        if (!dbus_read_text(&reply.body, &found))
                return refuse(err);
        if (strcmp(found, "/") != 0)
                *path = xstrdup(found);
        return true;
}

static bool read_locked(struct dbus *dbus, const char *collection, bool *locked, struct error *err)
{
        scoped(buf_clear) struct buf body = { 0 };
        struct dbus_reply reply;
        const char *type = NULL;

        dbus_put_text(&body, INTERFACE "Collection");
        dbus_put_text(&body, "Locked");
        if (!ask(dbus,
                 &(struct dbus_call){ SERVICE, collection, "org.freedesktop.DBus.Properties", "Get",
                                      "ss", &body },
                 "v", &reply, err))
                return false;
        return (dbus_read_signature(&reply.body, &type) && strcmp(type, "b") == 0 &&
                dbus_read_bool(&reply.body, locked)) ||
               refuse(err);
}

bool keyring_look(const char *bus, enum keyring_state *state, struct error *err)
{
        scoped(dbus_close) struct dbus dbus = { .fd = -1 };
        scoped_free char *collection = NULL;
        bool locked = false;

        if (!dbus_open(bus, KEYRING_READ_MS, &dbus, err) || !greet(&dbus, err) ||
            !find_collection(&dbus, &collection, err) ||
            (collection && !read_locked(&dbus, collection, &locked, err))) {
                *state = err->kind == ERROR_NOT_FOUND ? KEYRING_ABSENT : KEYRING_MUTE;
                return false;
        }
        *state = locked ? KEYRING_LOCKED : KEYRING_OPEN;
        return true;
}

bool keyring_read(const char *bus, const struct cache_key *key, enum keyring_state *state,
                  struct buf *text, struct error *err)
{
        return keyring_read_within(KEYRING_READ_MS, bus, key, state, text, err);
}

bool keyring_read_within(int64_t timeout_ms, const char *bus, const struct cache_key *key,
                         enum keyring_state *state, struct buf *text, struct error *err)
{
        scoped(dbus_close) struct dbus dbus = { .fd = -1 };
        enum keyring_state found = KEYRING_ABSENT;

        if (dbus_open(bus, timeout_ms, &dbus, err) && read_item(&dbus, key, &found, text, err)) {
                *state = KEYRING_OPEN;
                return true;
        }
        *state = err->kind == ERROR_NOT_FOUND ? found : KEYRING_MUTE;
        return false;
}
